#!/usr/bin/env python
"""Times the engine's operators beside other libraries, by turns in one process, and how far the limit is.

    scripts/bench_ops.py --device cpu --peers --threads 1 --json benchmarks/results/ops_cpu.json
    scripts/bench_ops.py --device cuda --peers --json benchmarks/results/ops_gpu.json

CPU: peers are plain torch (gather, product, scatter-add per offset) and, where it is installed and one thread
is asked for, spconv's CPU path. Inputs are voxelised surfaces; values are random. The limit of a case is the
larger of its operations at the cores' multiply-add rate, measured before each case, and its bytes at the copy
rate, measured once.

GPU: the cases that its goals name (bench/cases.py), each compared with float64 and then timed by events;
kernels, host reads and memory are counted. Peers are the same plain torch and, where it is installed,
spconv's CUDA kernels. The record is written after each case.
"""

import argparse
import gc
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench import gpu_run, machine, minkowski_table
from bench.cases import Case, cpu_cases, gpu_cases
from bench.gpu_timing import backward_here
from bench.inputs import Surfaces, surfaces
from bench.libraries import dense, gather_mm, ours, spconv_cpu
from bench.precision import PRECISIONS
from bench.records import write
from bench.timing import Run, by_turns
from bench.work import work_of
from completion.ops.host_memory import keep_freed_memory

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def main() -> None:
    """Runs what the command line asks for and prints a table."""
    arguments = parse()
    if arguments.device == "cpu":
        run_on_cpu(arguments)
    elif torch.cuda.is_available():
        with backward_here():
            gpu_run.run(arguments)
    else:
        raise SystemExit("bench_ops: torch must see an NVIDIA GPU for --device cuda, got none")


def run_on_cpu(arguments: argparse.Namespace) -> None:
    """Every case on every data set, type and channels asked for."""
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
            for case in cpu_cases(arguments.channels, DTYPES[dtype]):
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
        write({"machine": about, "cases": records}, arguments.json)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--peers", action="store_true", help="also time what else is installed")
    parser.add_argument("--channels", type=int, nargs="+", help="without it 16 to 128; on a GPU all cases")
    parser.add_argument("--dtypes", nargs="+", choices=list(PRECISIONS), help="float32; on a GPU all")
    parser.add_argument("--seconds", type=float, help="for each case: 3; on a GPU for each library: 0.15")
    parser.add_argument("--only", default="", help="part of the operation's name")
    parser.add_argument("--json", type=Path, help="file for the record")
    cpu = parser.add_argument_group("CPU")
    cpu.add_argument("--threads", type=int, default=1)
    cpu.add_argument("--resolutions", type=int, nargs="+", default=[64, 128])
    cpu.add_argument(
        "--default-allocator", action="store_true", help="leave the C library's allocator as it is"
    )
    gpu = parser.add_argument_group("GPU")
    gpu.add_argument("--budget", type=float, default=95.0, help="seconds after which no further case begins")
    gpu.add_argument("--commit", default="", help="for the record, where the checkout has no history")
    arguments = parser.parse_args()
    if arguments.seconds is None:
        arguments.seconds = 3.0 if arguments.device == "cpu" else 0.15
    if arguments.device == "cpu":
        arguments.channels = arguments.channels or [16, 32, 64, 128]
        arguments.dtypes = arguments.dtypes or ["float32"]
        if missing := set(arguments.dtypes) - set(DTYPES):
            parser.error(f"--dtypes on a CPU must be of {list(DTYPES)}, got {sorted(missing)}")
    cases = cpu_cases(arguments.channels, torch.float32) if arguments.device == "cpu" else gpu_cases()
    operations = dict.fromkeys(case.operation for case in cases)
    if not any(arguments.only in operation for operation in operations):
        parser.error(f"--only must be part of one of: {'; '.join(operations)}; got {arguments.only}")
    if arguments.threads < 1:
        parser.error(f"--threads must be at least 1, got {arguments.threads}")
    return arguments


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
    return {
        "operation": case.operation,
        "data": data.name,
        "voxels": len(data.coords),
        "channels": case.channels,
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
