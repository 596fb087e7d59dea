#!/usr/bin/env python3
"""The one command for a machine with an NVIDIA GPU: builds or finds the CUDA library, runs the operators, the
tests on the GPU and the operators under compute-sanitizer; on demand it profiles and times.

    scripts/check_cuda.py --budget 540
    scripts/check_cuda.py --only build bench_ops bench_step

Each step has a limit, and all together have a budget. The record (JSON) is written anew after every step and
the log as it comes, so that a run that is cut off leaves both. The record names the commit in
$COMPLETION_COMMIT, else git's. Exit status: 0 when everything that ran passed, 1 when something failed, 2
when the machine has no usable GPU.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TextIO

import torch

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PYTHON = sys.executable
BUILD = "from completion.ops import build; build.load_library(); print(build.describe())"

# Of many processes side by side, the reference on the CPU would wait for its own threads most of the time.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
# Each tensor in its own allocation: only then does memcheck see a step over its end.
ALONE = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1", **ONE_THREAD}
# torch's deterministic mode, which some tests switch on, wants this of cuBLAS.
TESTING = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", **ONE_THREAD}

EXERCISE = [PYTHON, "scripts/exercise_operators.py"]
FEW_CASES = [*EXERCISE, "--radii", "0", "1", "3", "--channels", "1x16", "17x32", "64x64"]
# The slowest of all: an empty set and a single voxel have no races to show.
RACES = [*EXERCISE, "--radii", "3", "--channels", "1x16", "17x32", "64x64"]
# Rows and channels enough for the largest tiles; between them they take every tile of warpgroups.
WIDE = [*EXERCISE, "--radii", "40", "--channels", "64x64", "200x128", "96x200", "--dtypes", "float16"]
WIDE_CASES = [*WIDE, "--features-only"]
WIDE_RACES = [*WIDE, "--products-only"]  # of everything it did not end in six minutes
PYTEST = [PYTHON, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--tb=short", "--durations=10"]
PYTEST += ["--continue-on-collection-errors"]  # a package that one file lacks must not cost the others
PYTEST += ["-p", "tests.tell_failures"]
# Several processes share the GPU well; the tests are short and wait for the host most of the time.
WORKERS = ["-n", "12"] if importlib.util.find_spec("xdist") else []
# What is known least comes first: a run may be cut off.
TESTS = ["tests/cuda", "tests/models", "tests/nn", "tests/sparse", "tests/ops"]
NOT_THE_BUILD = ["--ignore", "tests/ops/test_cuda_build.py"]  # compiles everything; it needs no GPU
SANITIZER = ["compute-sanitizer", "--error-exitcode", "1", "--report-api-errors", "no"]
# torch's kernels need no look, but for initcheck: they write our inputs.
OURS = ["--kernel-name", "kns=completion"]
LAYERS = [f"grown:200000:{size}:{channels}:float16" for size in (3, 4) for channels in (64, 128, 256)]
PLAIN = [f"subm3:1000000:{channels}:{kind}" for kind in ("float16", "tf32") for channels in (64, 128)]
PROFILE = [PYTHON, "scripts/profile_kernels.py"]
SECTIONS = ("SpeedOfLight", "MemoryWorkloadAnalysis", "Occupancy", "LaunchStats", "WarpStateStats")
NCU = ["ncu", "--clock-control", "none", "--profile-from-start", "off"]
NCU += [word for section in SECTIONS for word in ("--section", section)]
NCU += ["--kernel-name", "regex:convolve|sum_pairs|find_"]
COUNTED = ["--once", "grown:200000:4:64:float16", "grown:200000:4:256:float16", "subm3:1000000:128:float16"]
RECORD = ["--device", "cuda", "--commit", "{commit}", "--json"]
BENCH_OPS = [PYTHON, "scripts/bench_ops.py", "--peers", "--budget", "220"]
BENCH_OPS += [*RECORD, "{results}/ops_gpu.json"]
BENCH_STEP = [PYTHON, "scripts/bench_step.py", "--peers", "--precisions", "bfloat16", "--budget", "60"]
BENCH_STEP += [*RECORD, "{results}/step_gpu.json"]

BENCH_TRAIN = [PYTHON, "scripts/bench_train.py", "trainer=gpu"]
BENCH_TRAIN += ["--commit", "{commit}", "--json", "{results}/train_gpu.json"]

LAST_WORDS = 10.0
"""Seconds of a limit, at most, for what is asked to end."""


@dataclass(frozen=True)
class Step:
    """One step of the plan.

    Attributes:
        name: as `--only` has it.
        command: run in the root of the repository, {results} and {commit} filled in.
        limit: seconds.
        environment: variables set for this step alone.
        on_demand: runs only when it is named.
    """

    name: str
    command: list[str]
    limit: float
    environment: dict[str, str] = field(default_factory=dict)
    on_demand: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a step (passed, failed, timed out, missing, left out), its seconds, its output's end."""

    name: str
    outcome: str
    seconds: float
    output: str


PLAN = [
    Step("build", [PYTHON, "-c", BUILD], 600),
    Step("operators", [*EXERCISE, "--large"], 120, ALONE),
    Step("large", [*PYTEST, "-m", "slow", "tests/cuda"], 90, TESTING),
    Step("tests", [*PYTEST, *WORKERS, *NOT_THE_BUILD, "-k", "cuda", "-m", "not slow", *TESTS], 400, TESTING),
    Step("memcheck", [*SANITIZER, "--tool", "memcheck", *OURS, *FEW_CASES], 180, ALONE),
    Step("racecheck", [*SANITIZER, "--tool", "racecheck", *OURS, *RACES], 400, ALONE),
    Step("memcheck_wide", [*SANITIZER, "--tool", "memcheck", *OURS, *WIDE_CASES], 300, ALONE),
    Step("racecheck_wide", [*SANITIZER, "--tool", "racecheck", *OURS, *WIDE_RACES], 300, ALONE),
    Step("synccheck", [*SANITIZER, "--tool", "synccheck", *OURS, *FEW_CASES], 90, ALONE, on_demand=True),
    Step("initcheck", [*SANITIZER, "--tool", "initcheck", *FEW_CASES], 300, ALONE, on_demand=True),
    Step("bench_ops", BENCH_OPS, 260, on_demand=True),
    Step("bench_step", BENCH_STEP, 80, on_demand=True),
    Step("bench_train", BENCH_TRAIN, 90, on_demand=True),
    Step("host", [PYTHON, "scripts/profile_host.py"], 60, on_demand=True),
    Step("kernels", [*PROFILE, *LAYERS, *PLAIN], 60, on_demand=True),
    Step("ncu", [*NCU, *PROFILE, *COUNTED], 120, on_demand=True),
]


def main() -> None:
    """Runs the chosen steps, prints each outcome and keeps the record up to date."""
    arguments = parse()
    if not torch.cuda.is_available():
        print(
            "check_cuda: torch must see an NVIDIA GPU, got none; run it on a machine with one",
            file=sys.stderr,
        )
        sys.exit(2)
    arguments.results.mkdir(parents=True, exist_ok=True)
    gpu = torch.cuda.get_device_name().replace(" ", "_")
    stem = f"check_cuda_{gpu}_{time.strftime('%Y-%m-%d_%H-%M-%S')}"
    record = arguments.results / f"{stem}.json"
    about, end = machine(), time.monotonic() + arguments.budget
    known = {"{results}": str(arguments.results.resolve()), "{commit}": about["commit"]}
    outcomes: list[Outcome] = []
    with (arguments.results / f"{stem}.log").open("w") as log:
        for step in chosen(arguments.only):
            outcomes.append(run(filled(step, known), min(step.limit, end - time.monotonic()), log))
            write(record, about, outcomes)
    print(f"record: {record}")
    sys.exit(int(any(one.outcome in ("failed", "timed out") for one in outcomes)))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the record and the log")
    steps = {step.name: f"{step.name} (on demand)" if step.on_demand else step.name for step in PLAN}
    parser.add_argument(
        "--only", nargs="+", metavar="STEP", choices=list(steps), default=[], help=", ".join(steps.values())
    )
    parser.add_argument("--budget", type=float, default=3600, help="seconds for all steps together")
    return parser.parse_args()


def chosen(names: list[str]) -> list[Step]:
    """The named steps in the order of the plan; without names all that are not on demand."""
    return [step for step in PLAN if (step.name in names if names else not step.on_demand)]


def filled(step: Step, known: dict[str, str]) -> Step:
    """The step with what is known only now in its command."""
    command = step.command
    for name, value in known.items():
        command = [part.replace(name, value) for part in command]
    return replace(step, command=command)


def run(step: Step, limit: float, log: TextIO) -> Outcome:
    """Runs one step within the limit, its output going to the log, and prints its outcome."""
    log.write(f"=== {step.name}\n$ {' '.join(step.command)}\n")
    log.flush()
    start, started = log.tell(), time.monotonic()
    if limit < 1:
        outcome = "left out"
    elif shutil.which(step.command[0]) is None:
        outcome = "missing"
        log.write(f"{step.command[0]} is not on the PATH\n")
    else:
        outcome = finish(step, limit, log)
    seconds = round(time.monotonic() - started, 1)
    log.flush()
    output = tail(Path(log.name), start)
    log.seek(0, os.SEEK_END)
    log.write(f"=== {step.name}: {outcome} ({seconds} s)\n\n")
    log.flush()
    print(f"{step.name}: {outcome} ({seconds} s)", flush=True)
    if outcome in ("failed", "timed out"):
        print(output, file=sys.stderr, flush=True)
    return Outcome(step.name, outcome, seconds, output)


def finish(step: Step, limit: float, log: TextIO) -> str:
    """Runs the command to its end or to the limit; then it ends with everything that it has started.

    It is asked to end first, as by Ctrl-C: pytest then tells what failed so far.
    """
    environment = os.environ | {"COMPLETION_CUDA": "1", "PYTHONUNBUFFERED": "1"} | step.environment
    folders = [str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
    process = subprocess.Popen(
        step.command,
        cwd=ROOT,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        process_group=0,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's "&" has it ignored
    )
    grace = min(LAST_WORDS, limit / 4)
    try:
        return "passed" if process.wait(limit - grace) == 0 else "failed"
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
        return "timed out"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def tail(path: Path, start: int, length: int = 3000) -> str:
    """The end of what has been written to the file since `start`."""
    written = path.read_bytes()[start:]
    return written[-length:].decode(errors="replace")


def write(target: Path, about: dict[str, str], outcomes: list[Outcome]) -> None:
    """Writes the record in one go."""
    record = {"machine": about, "steps": [asdict(one) for one in outcomes]}
    target.with_suffix(".part").write_text(json.dumps(record, indent=2) + "\n")
    os.replace(target.with_suffix(".part"), target)


def machine() -> dict[str, str]:
    """What the record is about: GPU, driver, versions, commit."""
    commit = os.environ.get("COMPLETION_COMMIT")
    return {
        "gpu": torch.cuda.get_device_name(),
        "gpus": str(torch.cuda.device_count()),
        "driver": line_of(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]),
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "nvcc": line_of(["nvcc", "--version"], line=-1),
        "commit": commit or line_of(["git", "-C", str(ROOT), "rev-parse", "HEAD"]),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def line_of(command: list[str], line: int = 0) -> str:
    """One line that a command prints, "unknown" when it cannot run or prints nothing."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        return result.stdout.strip().splitlines()[line]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


if __name__ == "__main__":
    main()
