#!/usr/bin/env python
"""Lists the GPU kernels of one run of a layer with their milliseconds, as torch's profiler has them.

    scripts/profile_kernels.py grown:200000:4:64:float16 subm3:1000000:64:float16
    ncu --profile-from-start off scripts/profile_kernels.py --once grown:200000:4:64:float16

"grown:ROWS:SIZE:CHANNELS:TYPE" is a generative layer of so many parents, its set and map fresh, forward and
backward; "subm3:ROWS:CHANNELS:TYPE" a sub-manifold convolution 3³, its map cached. The first figure of a case
is the median of its time between events, the second the sum of its kernels.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench.gpu_data import parents, voxels
from bench.gpu_timing import ROUNDS, CudaClock, Timed, backward_here
from bench.libraries import ours
from bench.precision import PRECISIONS, switched_to
from bench.timing import Run

RUNS = 10  # that are profiled
NUMBERS = {"grown": 3, "subm3": 2}  # of a case
SECONDS = 0.1  # for the median


def main() -> None:
    """Profiles the cases of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="+")
    parser.add_argument(
        "--once", action="store_true", help="one run each, for a profiler around this program"
    )
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit(
            "profile_kernels: torch must see an NVIDIA GPU, got none; run it on a machine with one"
        )
    for name in arguments.cases:
        precision, make = case_of(name)
        with switched_to(PRECISIONS[precision]), backward_here():
            (once if arguments.once else listed)(name, make("cuda"))


def case_of(name: str) -> tuple[str, Callable[[str], Run]]:
    """Precision of a case, and what makes its run on a device."""
    kind, *rest = name.split(":")
    numbers, precision = [int(part) for part in rest[:-1] if part.isdecimal()], rest[-1] if rest else ""
    if precision in PRECISIONS and len(numbers) == len(rest) - 1 == NUMBERS.get(kind):
        (rows, *shape), dtype = numbers, PRECISIONS[precision].dtype
        if kind == "grown":
            return precision, lambda device: ours.grown(parents(rows).to(device), *shape, dtype)
        return precision, lambda device: ours.subm3(voxels(rows).to(device), *shape, dtype, True, False)
    raise SystemExit(
        "profile_kernels: case must be grown:ROWS:SIZE:CHANNELS:TYPE or subm3:ROWS:CHANNELS:TYPE with one of "
        f"{list(PRECISIONS)}, got {name!r}"
    )


def once(name: str, run: Run) -> None:
    """A warm run between the marks of the profiler outside."""
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    torch.cuda.profiler.start()
    run()
    torch.cuda.synchronize()
    torch.cuda.profiler.stop()
    print(name, flush=True)


def listed(name: str, run: Run) -> None:
    """Prints the kernels of a run, the longest first."""
    timed = Timed([run], CudaClock(), SECONDS)
    for _ in range(ROUNDS):
        timed.round()
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        for _ in range(RUNS):
            run()
        torch.cuda.synchronize()
    times: dict[str, tuple[float, int]] = {}
    for row in profiler.key_averages():
        known, count = times.get(short_name(row.key), (0.0, 0))
        times[short_name(row.key)] = known + row.device_time_total / 1e3 / RUNS, count + row.count
    print("\n".join(table(name, timed.times().median_ms, times)), flush=True)


def table(name: str, median_ms: float, times: dict[str, tuple[float, int]]) -> Iterator[str]:
    """A line for the case and one for each kernel that took time: milliseconds and starts in a run."""
    yield f"## {name}: {median_ms:.3f} ms; kernels {sum(ms for ms, _ in times.values()):.3f} ms"
    for kernel, (ms, count) in sorted(times.items(), key=lambda item: -item[1][0]):
        if ms > 0:
            yield f"{ms:.4f} ms {count / RUNS:g}x {kernel}"


def short_name(kernel: str) -> str:
    """A kernel's name without namespaces, return type and arguments."""
    plain = re.sub(r"\(anonymous namespace\)::|\b[a-z_]\w*::", "", kernel.removeprefix("void "))
    depth = 0
    for place, letter in enumerate(plain):
        depth += (letter == "<") - (letter == ">")
        if letter == "(" and depth == 0:
            return plain[:place]
    return plain


if __name__ == "__main__":
    main()
