#!/usr/bin/env python3
"""Runs tests on a CPU library built with AddressSanitizer and UndefinedBehaviorSanitizer.

    scripts/check_sanitizers.py                                      # the whole list
    scripts/check_sanitizers.py --record FILE                        # the same, and keep its summary
    scripts/check_sanitizers.py -m pytest tests/ops/test_lookup.py   # or any arguments of python

A read or write outside an array, also between two arrays of one workspace, ends the run with a report; so
does an undefined result. Exit status: that of the command, or 2 when g++ has no sanitizers.
"""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
# Not test_cuda_build.py: nvcc does not know the flags. Its kernels run under these sanitizers on the host in
# tests/ops/test_device_functions.py, and on a GPU under compute-sanitizer (check_cuda.py).
# Not test_host_memory.py: it is about the C library's allocator, which AddressSanitizer replaces.
LIST = (
    "-m pytest -q tests/ops tests/sparse tests/nn"
    " --ignore=tests/ops/test_cuda_build.py --ignore=tests/ops/test_host_memory.py"
)
OPTIONS = {
    # Leaks: python and torch keep memory to the end on purpose; tests/integration/test_memory.py bounds ours.
    "ASAN_OPTIONS": "detect_leaks=0:redzone=512",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def main() -> None:
    """Runs the given arguments of python, or the list of tests."""
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
    elif arguments[:1] == ["--record"] and len(arguments) == 2:
        run_and_record(Path(arguments[1]))
    else:
        command = [sys.executable, *(arguments or LIST.split())]
        sys.exit(subprocess.run(command, env=environment(), cwd=ROOT, check=False).returncode)


def run_and_record(record: Path) -> None:
    """Runs the list of tests; writes its summary where nothing was found."""
    started = time.monotonic()
    command = [sys.executable, *LIST.split()]
    result = subprocess.run(
        command, env=environment(), cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True
    )
    print(result.stdout, end="")
    if result.returncode == 0:
        record.write_text(summary(result.stdout, time.monotonic() - started))
    sys.exit(result.returncode)


def environment() -> dict[str, str]:
    """Variables under which python loads the sanitized library."""
    paths = [str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        **OPTIONS,
        "COMPLETION_SANITIZE": "1",
        "COMPLETION_CUDA": "0",
        "LD_PRELOAD": f"{runtime('libasan.so')}:{runtime('libubsan.so')}",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def runtime(name: str) -> str:
    """Path of a sanitizer's runtime library, as the compiler knows it."""
    compiler = os.environ.get("CXX", "g++")
    found = first_line(compiler, f"-print-file-name={name}")
    if not Path(found).is_absolute():
        print(
            f"check_sanitizers: {compiler} must bring {name}, got none; install g++ with its libraries",
            file=sys.stderr,
        )
        sys.exit(2)
    return found


def summary(output: str, seconds: float) -> str:
    """What ran where, and how it ended."""
    lines = [
        f"command   python {LIST}",
        f"outcome   {output.strip().splitlines()[-1]}",
        "findings  none: the first one ends the run",
        f"flags     -fsanitize=address,undefined, {OPTIONS['ASAN_OPTIONS']}",
        f"seconds   {seconds:.0f}, with the build",
        f"commit    {first_line('git', '-C', str(ROOT), 'rev-parse', '--short', 'HEAD')}",
        f"compiler  {first_line(os.environ.get('CXX', 'g++'), '--version')}",
        f"torch     {torch.__version__}, Python {platform.python_version()}, {platform.machine()}",
    ]
    return "\n".join(lines) + "\n"


def first_line(*command: str) -> str:
    """The first line that a command prints; nothing where it cannot run."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return result.stdout.split("\n", 1)[0]


if __name__ == "__main__":
    main()
