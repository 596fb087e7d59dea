"""bench_ops.py on a GPU: limits, counts, then case after case; what was measured is kept after each."""

import json
import time
from argparse import Namespace
from types import ModuleType
from typing import Any

from bench import gpu_levels, gpu_machine, records
from bench.cases import GpuCase, gpu_cases
from bench.goals_gpu import judged
from bench.gpu_bench import Bench, reason, short_name
from bench.gpu_data import parents, voxels
from bench.libraries import gather_mm, product_alone, spconv_gpu

Record = dict[str, Any]


def run(arguments: Namespace) -> None:
    """Runs what the command line asks for; the JSON file is whole after each case."""
    started = time.monotonic()
    rates, bandwidth = gpu_machine.product_rates(), gpu_machine.copy_bandwidth()
    about = gpu_machine.describe() | {"copy_gb_per_s": bandwidth / 1e9}
    about["tflops"] = {name: rate / 1e12 for name, rate in rates.items()}
    about |= {"commit": arguments.commit} if arguments.commit else {}
    peers = available_peers() if arguments.peers else []
    about["peers"] = [short_name(peer) for peer in peers]
    print(json.dumps(about), flush=True)
    record: Record = {"machine": about, "launches": [], "reads": [], "memory": [], "cases": []}
    if not arguments.only:
        count(record, arguments)
    bench = Bench(peers, rates, bandwidth, arguments.seconds)
    for case in (case for case in gpu_cases() if wanted(case, arguments)):
        if time.monotonic() - started > arguments.budget:
            print(f"stopped after {arguments.budget:.0f} s, before {case.operation}", flush=True)
            break
        record["cases"].append(bench.measure(case))
        show(record["cases"][-1])
        keep(record, arguments)
    print("\n".join(judged(record)))
    print(f"{time.monotonic() - started:.0f} s", flush=True)


def available_peers() -> list[ModuleType]:
    """Libraries beside ours that can run here."""
    if not spconv_gpu.available():
        return [gather_mm, product_alone]
    spconv_gpu.serve_compiler()
    return [gather_mm, product_alone, spconv_gpu]


def wanted(case: GpuCase, arguments: Namespace) -> bool:
    """Whether the command line asks for a case."""
    channels = arguments.channels is None or case.channels is None or case.channels in arguments.channels
    dtypes = arguments.dtypes is None or case.precision in arguments.dtypes
    return channels and dtypes and arguments.only in case.operation


def keep(record: Record, arguments: Namespace) -> None:
    """Writes the record where one is asked for."""
    if arguments.json:
        records.write(record, arguments.json)


def count(record: Record, arguments: Namespace) -> None:
    """Kernels, host reads and memory; a failure costs the rest of its table."""
    few, many = voxels(10_000).to("cuda"), parents(200_000).to("cuda")
    tables = {
        "launches": gpu_levels.launches(few),
        "reads": gpu_levels.reads(few),
        "memory": gpu_levels.memory(many),
    }
    for name, rows in tables.items():
        try:
            for row in rows:
                record[name].append(row)
                print(f"{name}: {row}", flush=True)
        except Exception as error:
            print(f"{name}: FAILED {reason(error)}", flush=True)
        keep(record, arguments)


def show(record: Record) -> None:
    """One line of the table."""
    what = f"{record['precision']:9} {record['rows']:>9,} C {record['channels'] or '':4}"
    what += f" {record['operation']:51}"
    if "failed" in record:
        print(f"{what} FAILED {record['failed']}", flush=True)
        return
    cells = [
        f"{name} {peer['median_ms']:8.3f} {peer['ratio']:6.2f}×" for name, peer in record["peers"].items()
    ]
    cells += [f"{name} FAILED {why[:60]}" for name, why in record["failed_peers"].items()]
    print(
        f"{what} {record['median_ms']:8.3f} ms (host {record['host_ms']:.3f}) "
        f"{100 * record['fraction_of_floor']:4.0f} % of floor, queued {record['queued_ms']:.3f} ms "
        f"{100 * record['fraction_of_floor_queued']:4.0f} %  {'  '.join(cells)}",
        flush=True,
    )
