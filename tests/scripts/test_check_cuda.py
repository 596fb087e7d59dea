"""The scripts for a machine with a GPU, as far as a machine without one can run them."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPTS = Path(__file__).parents[2] / "scripts"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)


def test_exercise_runs_every_operator_on_the_cpu():
    result = run(str(SCRIPTS / "exercise_operators.py"), "--device", "cpu", "--radii", "0", "1", "2")
    assert result.returncode == 0, result.stderr
    assert "all operators agree" in result.stdout


@pytest.mark.skipif(
    torch.cuda.is_available(), reason="this machine has a GPU: scripts/check_cuda.py is for it"
)
def test_check_cuda_without_a_gpu_says_so(tmp_path: Path):
    result = run(str(SCRIPTS / "check_cuda.py"), "--results", str(tmp_path))
    assert result.returncode == 2
    assert "must see an NVIDIA GPU" in result.stderr
    assert not list(tmp_path.iterdir())
