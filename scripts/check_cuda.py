#!/usr/bin/env python3
"""The one command for a machine with an NVIDIA GPU: builds the CUDA library, runs the tests on the GPU and
the operators under compute-sanitizer, and keeps a JSON record and a log under benchmarks/results/.

Needs torch with CUDA, pytest, nvcc and g++; compute-sanitizer is recorded as missing when it is not there.
Exit status: 0 when everything that ran passed, 1 when something failed, 2 when the machine has no usable GPU.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
EXERCISE = [sys.executable, str(ROOT / "scripts" / "exercise_operators.py")]
BUILD = "from completion.ops import build; build.load_library(); print(build.describe())"
SANITIZER_SECONDS = 400


@dataclass(frozen=True)
class Step:
    """Outcome of one step (passed, failed, timed out, missing), its seconds, the end of its output."""

    name: str
    outcome: str
    seconds: float
    output: str


def main() -> None:
    """Runs all steps, prints each outcome and writes the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the record and the log")
    parser.add_argument(
        "--tests", nargs="*", default=["tests/ops", "tests/sparse", "tests/nn", "tests/models"]
    )
    parser.add_argument("--tools", nargs="*", default=["memcheck", "racecheck", "initcheck", "synccheck"])
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print(
            "check_cuda: torch must see an NVIDIA GPU, got none; run it on a machine with one",
            file=sys.stderr,
        )
        sys.exit(2)
    arguments.results.mkdir(parents=True, exist_ok=True)
    stem = f"check_cuda_{torch.cuda.get_device_name().replace(' ', '_')}_{time.strftime('%Y-%m-%d_%H-%M-%S')}"
    with (arguments.results / f"{stem}.log").open("w") as log:
        steps = [run(name, command, limit, log) for name, command, limit in plan(arguments)]
    record = {"machine": machine(), "steps": [asdict(step) for step in steps]}
    target = arguments.results / f"{stem}.json"
    target.with_suffix(".part").write_text(json.dumps(record, indent=2) + "\n")
    os.replace(target.with_suffix(".part"), target)
    print(f"record: {target}")
    sys.exit(int(any(step.outcome in ("failed", "timed out") for step in steps)))


def plan(arguments: argparse.Namespace) -> list[tuple[str, list[str], float]]:
    """Name, command and time limit in seconds of each step, in order."""
    steps = [
        ("build", [sys.executable, "-c", BUILD], 600.0),
        ("operators", [*EXERCISE, "--large"], 300.0),
        ("tests", [sys.executable, "-m", "pytest", "-q", "-k", "cuda", *arguments.tests], 900.0),
    ]
    for tool in arguments.tools:
        sanitizer = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "1"]
        if tool != "initcheck":  # it must see the writes of torch's kernels; the others need not look at them
            sanitizer += ["--kernel-name", "kns=completion"]
        steps.append((tool, [*sanitizer, *EXERCISE, "--radii", "0", "1", "5"], SANITIZER_SECONDS))
    return steps


def run(name: str, command: list[str], limit: float, log) -> Step:
    """Runs one step, appends its whole output to the log and prints its outcome."""
    started = time.monotonic()
    if shutil.which(command[0]) is None:
        outcome, output = "missing", f"{command[0]} is not on the PATH"
    else:
        outcome, output = finish(command, limit)
    step = Step(name, outcome, round(time.monotonic() - started, 1), output[-2000:])
    log.write(f"=== {name}: {outcome}\n$ {' '.join(command)}\n{output}\n")
    log.flush()
    print(f"{name}: {outcome} ({step.seconds} s)", flush=True)
    if outcome in ("failed", "timed out"):
        print(step.output, file=sys.stderr)
    return step


def finish(command: list[str], limit: float) -> tuple[str, str]:
    """Outcome and output of a command within its time limit."""
    # Each tensor in its own allocation: only then does memcheck see a step over its end.
    environment = os.environ | {"COMPLETION_CUDA": "1", "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT / "src"), str(ROOT), environment.get("PYTHONPATH", "")]
    )
    try:
        result = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            timeout=limit,
            text=True,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired as error:
        return "timed out", (error.stdout or b"").decode(errors="replace")
    return ("passed" if result.returncode == 0 else "failed"), result.stdout


def machine() -> dict[str, str]:
    """What the record is about: GPU, driver, versions, commit."""
    return {
        "gpu": torch.cuda.get_device_name(),
        "driver": first_line(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]),
        "torch": torch.__version__,
        "nvcc": first_line(["nvcc", "--version"], line=-1),
        "commit": first_line(["git", "-C", str(ROOT), "rev-parse", "HEAD"]),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def first_line(command: list[str], line: int = 0) -> str:
    """One line that a command prints, "unknown" when it cannot run."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return result.stdout.strip().splitlines()[line]


if __name__ == "__main__":
    main()
