"""profile_host.py on a machine without a GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The script in a process of its own, because it changes how the engine chooses."""
    command = [sys.executable, "scripts/profile_host.py", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_every_run_has_a_time():
    result = run("--device", "cpu", "--repeats", "2")
    assert result.returncode == 0, result.stderr
    rows = [line.rsplit(maxsplit=1) for line in result.stdout.splitlines()]
    assert [name for name, _ in rows] == [
        "generative k2 s2, map fresh, forward",
        "generative k2 s2, map fresh, forward + backward",
        "its product in plain torch, forward + backward",
        "sub-manifold 3³, map cached, forward",
        "sub-manifold 3³, map cached, forward + backward",
        "training step of me_completion's layers",
        "its operators",
        "training step of the default network's layers",
        "its operators",
    ]
    assert all(float(number) > 0 for _, number in rows)


def test_bad_arguments_are_one_sentence():
    result = run("--device", "cpu", "--repeats", "0")
    assert result.returncode == 1
    assert result.stderr == "profile_host: --repeats must be at least 1, got 0; repeat once\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU: what it says without one")
def test_without_a_gpu_it_says_what_to_do():
    result = run()
    assert result.returncode == 1
    assert result.stderr == "profile_host: torch must see an NVIDIA GPU, got none; say --device cpu\n"
