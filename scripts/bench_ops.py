#!/usr/bin/env python
"""Times the engine's operators beside other libraries, by turns in one process, and how far the limit is.

    scripts/bench_ops.py --device cpu --peers --threads 1 --json benchmarks/results/ops_cpu.json

Peers: plain torch (gather, product, scatter-add per offset) and, where it is installed and one thread is
asked for, spconv's CPU path. Inputs are voxelised surfaces; values are random. The limit of a case is the
larger of its operations at the cores' multiply-add rate, measured before each case, and its bytes at the copy
rate, measured once.
"""

import argparse
import gc
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench import machine, minkowski_table
from bench.inputs import Surfaces, surfaces
from bench.libraries import dense, gather_mm, ours, spconv_cpu
from bench.timing import Run, by_turns
from bench.work import work_of
from completion.ops.host_memory import keep_freed_memory

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        operation: function of each library, and its arguments in words.
        call: name of that function.
        arguments: its arguments after the data.
    """

    operation: str
    call: str
    arguments: tuple[object, ...]


def cases(channels: list[int], dtype: torch.dtype) -> Iterator[Case]:
    """Everything that is timed on one data set."""
    yield Case("coordinates + map 3³, cold", "map3", ())
    yield Case("target look-up", "target", ())
    for c in channels:
        for backward in (False, True):
            what = "forward+backward" if backward else "forward"
            yield Case(f"sub-manifold 3³ {what}, map cached", "subm3", (c, dtype, backward, False))
        yield Case("sub-manifold 3³ forward, cold", "subm3", (c, dtype, False, True))
        if c <= 64:
            yield Case("k2 s2 down + generative k2 s2, cold, forward+backward", "down_up", (c, dtype))
            for size in (4, 3):
                operation = f"generative k{size} s2, cold, forward+backward"
                yield Case(operation, "generative", (size, c, dtype))
            yield Case("prune 30 %", "prune", (c, dtype))
            yield Case("union", "union", (c, dtype))


def main() -> None:
    """Runs what the command line asks for and prints a table."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    kept = not arguments.default_allocator and keep_freed_memory()
    rates, bandwidth = machine.MultiplyAddRates(), machine.copy_bandwidth()
    libraries = [ours, *(available_peers() if arguments.peers else [])]
    about = machine.describe() | {
        "copy_gb_per_s": bandwidth / 1e9,
        "keeps_freed_memory": kept,  # for all libraries alike
    }
    print(json.dumps(about))
    records = []
    for resolution in arguments.resolutions:
        data = surfaces(resolution, 4)
        for dtype in arguments.dtypes:
            for case in cases(arguments.channels, DTYPES[dtype]):
                if arguments.only not in case.operation:
                    continue
                rate = rates.measure()[DTYPES[dtype]]
                record = measure(case, data, libraries, rate, bandwidth, arguments.seconds)
                spconv_ms = record["peers"].get("spconv_cpu", {}).get("median_ms")
                related = minkowski_table.relate(
                    case.call, case.arguments, data, dtype, record["median_ms"], spconv_ms
                )
                records.append(record | {"dtype": dtype, "minkowski": related})
                show(records[-1])
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": about, "cases": records}, indent=1) + "\n")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", choices=["cpu"])
    parser.add_argument("--peers", action="store_true", help="also time what else is installed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--resolutions", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--channels", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--dtypes", nargs="+", default=["float32"], choices=list(DTYPES))
    parser.add_argument("--seconds", type=float, default=3.0, help="for each case")
    parser.add_argument("--only", default="", help="part of the operation's name")
    parser.add_argument(
        "--default-allocator", action="store_true", help="leave the C library's allocator as it is"
    )
    parser.add_argument("--json", type=Path, help="file for the record")
    return parser.parse_args()


def available_peers() -> list[ModuleType]:
    """Libraries beside ours that can run here."""
    return [gather_mm, dense, *([spconv_cpu] if spconv_cpu.available() else [])]


def measure(
    case: Case, data: Surfaces, libraries: list[ModuleType], rate: float, bandwidth: float, seconds: float
) -> dict[str, Any]:
    """The record of one case: times, ratios, and how much of the limit at a core's rate is reached."""
    makers = {library.__name__: getattr(library, case.call, None) for library in libraries}
    made = {name: make(data, *case.arguments) for name, make in makers.items() if make is not None}
    if torch.bfloat16 in case.arguments:  # what it must beat is our own float32
        widened = [torch.float32 if value == torch.bfloat16 else value for value in case.arguments]
        made["own_float32"] = getattr(ours, case.call)(data, *widened)
    if torch.get_num_threads() > 1:
        made["own_1_thread"] = on_one_thread(getattr(ours, case.call)(data, *case.arguments))
    times = by_turns({name: run for name, run in made.items() if run is not None}, seconds)
    gc.collect()
    own = times.pop(ours.__name__)
    threads = torch.get_num_threads()
    floor = work_of(case.call, data, case.arguments).floor_ms(rate * threads, bandwidth)
    numbers = [value for value in case.arguments if isinstance(value, int) and not isinstance(value, bool)]
    return {
        "operation": case.operation,
        "data": data.name,
        "voxels": len(data.coords),
        "channels": numbers[-1] if numbers else None,
        "threads": threads,
        "gflops_per_core": rate / 1e9,
        "median_ms": own.median_ms,
        "min_ms": own.min_ms,
        "repeats": len(own.seconds),
        "floor_ms": floor,
        "fraction_of_floor": floor / own.median_ms,
        "peers": {
            name.rsplit(".", 1)[-1]: {"median_ms": t.median_ms, "ratio": t.median_ms / own.median_ms}
            for name, t in times.items()
        },
    }


def on_one_thread(run: Run) -> Run:
    """The same on one thread; afterwards there are as many as before."""

    def alone() -> object:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return run()
        finally:
            torch.set_num_threads(threads)

    return alone


def show(record: dict) -> None:
    """One line of the table."""
    peers = "  ".join(
        f"{name} {peer['median_ms']:8.1f} ms {peer['ratio']:5.2f}×" for name, peer in record["peers"].items()
    )
    if record["minkowski"] is not None:
        peers += f"  minkowski {record['minkowski']['ratio']:5.2f}× by {record['minkowski']['by']}"
    print(
        f"{record['data']:9} {record['dtype']:9} C {record['channels'] or '':4} {record['operation']:55} "
        f"{record['median_ms']:8.2f} ms {100 * record['fraction_of_floor']:4.0f} %  {peers}",
        flush=True,
    )


if __name__ == "__main__":
    main()
