#!/usr/bin/env python
"""Times whole training steps (forward, backward, SGD) of a model on voxelised surfaces.

    scripts/bench_step.py --models minkowski --resolutions 64 128 --json benchmarks/results/step_cpu.json
    scripts/bench_step.py --device cuda --peers --json benchmarks/results/step_gpu.json

What a step is says bench/steps.py. On a GPU each precision is timed; peers are the same network with
per-offset convolutions and, where spconv is installed, the same layers on it.
"""

import argparse
import json
import resource
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench import gpu_steps, machine
from bench.gpu_timing import backward_here
from bench.inputs import surfaces
from bench.minkowski_table import STEP_MS
from bench.precision import PRECISIONS
from bench.records import write
from bench.steps import MODELS, Loss, training_step
from bench.timing import by_turns
from completion.ops.host_memory import keep_freed_memory

GPU_PRECISIONS = ("bfloat16", "float16", "tf32")
DEFAULTS = {
    "cpu": {"resolutions": [64, 128], "batch_size": 4, "seconds": 20.0},
    "cuda": {"resolutions": [128], "batch_size": 16, "seconds": 0.6},
}


def main() -> None:
    """Runs what the command line asks for."""
    arguments = parse()
    if arguments.device == "cpu":
        run_on_cpu(arguments)
    elif torch.cuda.is_available():
        with backward_here():
            gpu_steps.run(arguments)
    else:
        raise SystemExit("bench_step: torch must see an NVIDIA GPU for --device cuda, got none")


def run_on_cpu(arguments: argparse.Namespace) -> None:
    """Prints a line per model and resolution."""
    torch.set_num_threads(arguments.threads)
    about = machine.describe() | {"keeps_freed_memory": keep_freed_memory()}
    print(json.dumps(about))
    records = []
    for name in arguments.models:
        for resolution in arguments.resolutions:
            records.append(measure(name, resolution, arguments))
            print(json.dumps(records[-1]), flush=True)
    if arguments.json:
        write({"machine": about, "steps": records}, arguments.json)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--resolutions", type=int, nargs="+", help="64 128; on a GPU 128")
    parser.add_argument("--batch-size", type=int, help="4; on a GPU 16")
    parser.add_argument("--seconds", type=float, help="for each model and resolution: 20; on a GPU 0.6")
    parser.add_argument("--json", type=Path, help="file for the record")
    cpu = parser.add_argument_group("CPU")
    cpu.add_argument("--threads", type=int, default=1)
    cpu.add_argument("--autocast", action="store_true", help="bfloat16 features")
    gpu = parser.add_argument_group("GPU")
    gpu.add_argument("--peers", action="store_true", help="also time the baselines")
    gpu.add_argument("--precisions", nargs="+", default=list(GPU_PRECISIONS), choices=list(PRECISIONS))
    gpu.add_argument("--budget", type=float, default=90.0, help="seconds after which nothing further begins")
    gpu.add_argument("--commit", default="", help="for the record, where the checkout has no history")
    arguments = parser.parse_args()
    for name, value in DEFAULTS[arguments.device].items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    for name in ("batch_size", "threads"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, got {getattr(arguments, name)}")
    return arguments


def measure(name: str, resolution: int, arguments: argparse.Namespace) -> dict[str, object]:
    """Median time of a step and the peak of the process's memory so far."""
    torch.manual_seed(0)
    data = surfaces(resolution, arguments.batch_size)
    loss = Loss(MODELS[name](resolution), data, torch.bfloat16 if arguments.autocast else None)
    step = training_step(loss, loss.model.parameters())
    times = by_turns({name: step}, arguments.seconds)[name]
    return {
        "model": name,
        "parameters": sum(p.numel() for p in loss.model.parameters()),
        "data": data.name,
        "voxels": len(loss.partial),
        "candidates": loss.candidates,
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
