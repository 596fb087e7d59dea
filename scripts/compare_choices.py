#!/usr/bin/env python
"""Times the choices of csrc/cuda/choices.cuh on a GPU: builds each, checks its operators, lists its kernels.

    scripts/compare_choices.py grown:200000:4:64:float16 subm3:1000000:256:float16

Cases are those of scripts/profile_kernels.py. The table has the milliseconds of a case's kernels by choice;
the kernels themselves are printed as they come. A choice whose operators fail is left out and named.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from profile_kernels import case_of

FOLDER = Path(__file__).resolve().parent
CHOICES = {
    "as built": "",
    "wide tiles": "-DCOMPLETION_WIDE_TILES=1",
    "tall tiles": "-DCOMPLETION_TALL_TILES=1",
    "loose panels": "-DCOMPLETION_LOOSE_PANELS=1",
    "copies by L1": "-DCOMPLETION_COPIES_BY_L1=1",
}
# Radius 40: so many rows that they take large tiles, those of 256 columns too.
CHECK = ["exercise_operators.py", "--radii", "6", "40", "--channels", "64x64", "256x264", "264x256"]
CHECK += ["--dtypes", "float32", "float16"]
CASE = re.compile(r"^## (\S+): .* kernels ([\d.]+) ms$", re.MULTILINE)


def main() -> None:
    """Runs every choice on the cases of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="+")
    cases = parser.parse_args().cases
    if not torch.cuda.is_available():
        raise SystemExit(
            "compare_choices: torch must see an NVIDIA GPU, got none; run it on a machine with one"
        )
    for case in cases:
        case_of(case)  # refuses what is none, before anything is built
    found = {name: times(name, flags, cases) for name, flags in CHOICES.items()}
    print("\n".join(table({name: one for name, one in found.items() if one}, cases)))
    sys.exit(int(not all(found.values())))


def times(name: str, flags: str, cases: list[str]) -> dict[str, float]:
    """Milliseconds of each case's kernels under a choice; none where it fails."""
    print(f"=== {name} {flags}", flush=True)
    environment = os.environ | {"COMPLETION_CUDA": "1", "COMPLETION_NVCC_FLAGS": flags}
    for command in (CHECK, ["profile_kernels.py", *cases]):
        arguments = [sys.executable, str(FOLDER / command[0]), *command[1:]]
        done = subprocess.run(
            arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        print(done.stdout, flush=True)
        if done.returncode != 0:
            print(f"{name}: {command[0]} failed with {done.returncode}", flush=True)
            return {}
    return {case: float(ms) for case, ms in CASE.findall(done.stdout)}


def table(found: dict[str, dict[str, float]], cases: list[str]) -> Iterator[str]:
    """A line for each case with a column for each choice."""
    yield f"{'case':<28}" + "".join(f"{name:>14}" for name in found)
    for case in cases:
        yield f"{case:<28}" + "".join(f"{one.get(case, float('nan')):14.3f}" for one in found.values())


if __name__ == "__main__":
    main()
