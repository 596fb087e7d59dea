"""A run that is killed and continued ends with the weights of one that was never stopped, bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch

COMMAND = [sys.executable, "-m", "completion", "train"]
SETTINGS = [
    *("data.preparation.resolution=16", "data.preparation.views=1", "data.preparation.num_points=256"),
    *("data.source.num_train=4", "data.source.num_validation=2", "data.source.num_test=1"),
    *("model.channels=[4,8,8]", "model.thresholds=[0.3,0.4,0.5]", "model.dense_blocks=1"),
    *("model.policy._target_=completion.models.policies.ScheduledTruth",),
    *("data.batch_size=2", "trainer.max_epochs=10", "callbacks.progress.every_seconds=0", "calibrate=false"),
]


def train(folder: Path, *overrides: str) -> None:
    subprocess.run([*COMMAND, *overrides], cwd=folder, check=True, timeout=300, capture_output=True)


def kill_in_the_middle(folder: Path, *overrides: str) -> None:
    """Starts a training and kills it, without warning, somewhere after its third epoch."""
    process = subprocess.Popen(
        [*COMMAND, *overrides],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 3/"):
            break
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_killed_and_continued_equals_uninterrupted(tmp_path):
    train(tmp_path, *SETTINGS, "run_dir=whole")
    kill_in_the_middle(tmp_path, *SETTINGS, "run_dir=parts")
    halfway = torch.load(tmp_path / "parts/checkpoints/last.ckpt", weights_only=True)["epoch"]
    assert 1 <= halfway < 9
    train(tmp_path, "run_dir=parts", "ckpt=last")
    for name in ("last", "best"):
        whole, parts = (
            torch.load(tmp_path / run / f"checkpoints/{name}.ckpt", weights_only=True)
            for run in ("whole", "parts")
        )
        assert whole["global_step"] == parts["global_step"]
        for key, value in whole["state_dict"].items():
            assert torch.equal(value, parts["state_dict"][key]), f"{name}: {key}"
    assert (tmp_path / "whole/metrics.csv").read_text() == (tmp_path / "parts/metrics.csv").read_text()
