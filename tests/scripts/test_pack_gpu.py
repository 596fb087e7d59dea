"""scripts/pack_gpu, as far as it goes without packages from elsewhere."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_an_unknown_argument_is_refused_before_anything_is_made():
    result = subprocess.run(
        ["bash", "scripts/pack_gpu", "--peer"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert (
        result.stderr
        == "pack_gpu: arguments must be none or --peers, got --peer; see the top of the script\n"
    )
