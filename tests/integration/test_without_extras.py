"""Training and evaluation from prepared samples need neither Open3D, nor wandb, nor matplotlib."""

import os
import subprocess
import sys
from pathlib import Path

from completion.cli.main import main

TINY = (
    *("data.source.num_train=4", "data.source.num_validation=2", "data.source.num_test=2"),
    *("data.preparation.resolution=16", "model.channels=[4,8,8]", "model.thresholds=[0.3,0.4,0.5]"),
    *("model.dense_blocks=1", "trainer.max_epochs=1"),
)
SCRIPT = """
import sys
for name in ("open3d", "wandb", "matplotlib"):
    sys.modules[name] = None  # as if it were not installed: importing it raises ImportError
from completion.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def run(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-c", SCRIPT, *arguments]
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_prepared_samples_are_enough(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = [entry for entry in TINY if entry.startswith("data")]
    assert main(["prepare", *data]) == 0
    run(tmp_path, "train", *TINY, "run_dir=run")
    run(tmp_path, "evaluate", "run=run")
    assert (tmp_path / "run" / "metrics.json").is_file()
