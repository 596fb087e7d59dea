"""Processes that share one GPU at the same time give the same bits as one that has it alone."""

import os
import subprocess
import sys
from pathlib import Path

import torch
from tests.cuda.operators import digest, every_result, training_step

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
WORKER = """
import sys, torch
from tests.cuda.operators import digest, every_result, training_step
device = torch.device(sys.argv[1])
every_result(device)  # libraries loaded, memory taken: from here on all of them run at the same time
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    print(digest(every_result(device)), digest(training_step(device)), flush=True)
"""


def start(device: torch.device) -> subprocess.Popen[str]:
    """A process that waits for a line before it runs its rounds."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(device), str(ROUNDS)],
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_give_the_bits_of_one(gpu: torch.device):
    expected = f"{digest(every_result(gpu))} {digest(training_step(gpu))}"
    workers = [start(gpu) for _ in range(2)]
    try:
        for worker in workers:
            assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        for worker in workers:
            output, _ = worker.communicate(timeout=120)
            assert worker.returncode == 0
            assert output.split("\n")[:-1] == [expected] * ROUNDS
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
