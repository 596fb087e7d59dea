#!/usr/bin/env python
"""Times whole training steps (forward, backward, SGD) of a model on voxelised surfaces.

    scripts/bench_step.py --models minkowski --resolutions 64 128 --json benchmarks/results/step_cpu.json

The input is the half of each shape with x < R / 2, the truth the whole shape; only the truth is kept,
as late in training, so that the work does not depend on what the network has learned.
"""

import argparse
import json
import resource
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench import machine
from bench.inputs import surfaces
from bench.minkowski_table import STEP_MS
from bench.timing import by_turns
from completion.models import CompletionNet, MinkowskiNet, TruthOnly, completion_loss
from completion.ops.host_memory import keep_freed_memory
from completion.sparse import CoordMap, SparseTensor

MODELS = {
    "minkowski": lambda resolution: MinkowskiNet(resolution, policy=TruthOnly()),
    "default": lambda resolution: CompletionNet(resolution, policy=TruthOnly()),
}


def main() -> None:
    """Runs what the command line asks for and prints a line per model and resolution."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    about = machine.describe() | {"keeps_freed_memory": keep_freed_memory()}
    print(json.dumps(about))
    records = []
    for name in arguments.models:
        for resolution in arguments.resolutions:
            records.append(measure(name, resolution, arguments))
            print(json.dumps(records[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": about, "steps": records}, indent=1) + "\n")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--resolutions", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each model and resolution")
    parser.add_argument("--autocast", action="store_true", help="bfloat16 features")
    parser.add_argument("--json", type=Path, help="file for the record")
    return parser.parse_args()


def measure(name: str, resolution: int, arguments: argparse.Namespace) -> dict[str, object]:
    """Median time of a step and the peak of the process's memory so far."""
    torch.manual_seed(0)
    data = surfaces(resolution, arguments.batch_size)
    half = data.coords[data.coords[:, 1] < resolution // 2]
    model = MODELS[name](resolution)
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9, weight_decay=1e-4, fused=True)
    kept: list[int] = []

    def step() -> None:
        """One training step, coordinates and all."""
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.autocast):
            partial = CoordMap.from_coords(half, batch_size=data.batch_size)
            truth = CoordMap.from_coords(data.coords, batch_size=data.batch_size)
            result = model(SparseTensor(torch.ones(partial.num_rows, 1), partial), truth)
        loss, _ = completion_loss(result.levels, partial, missing_weight=1.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        kept[:] = [level.coord_map.num_rows for level in result.levels]

    times = by_turns({name: step}, arguments.seconds)[name]
    return {
        "model": name,
        "parameters": sum(p.numel() for p in model.parameters()),
        "data": data.name,
        "voxels": len(half),
        "candidates": kept,
        "threads": arguments.threads,
        "autocast": arguments.autocast,
        "median_ms": times.median_ms,
        "min_ms": times.min_ms,
        "repeats": len(times.seconds),
        "minkowski_table_ms": STEP_MS.get(resolution) if name == "minkowski" else None,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    main()
