"""A GPU's limits, measured in the same run as everything else, and what it is."""

import subprocess

import torch

from bench import machine
from bench.gpu_timing import Clock, CudaClock, Timed
from bench.precision import PRECISIONS, switched_to

SIDE = 8192
"""Of the square matrices whose product gives the rate of a type."""


def product_rates(side: int = SIDE, clock: Clock | None = None, device: str = "cuda") -> dict[str, float]:
    """Operations per second of torch's dense product by precision."""
    rates = {}
    for name, precision in PRECISIONS.items():
        with switched_to(precision):
            a, b = (torch.randn(side, side, device=device).to(precision.dtype) for _ in range(2))
            timed = Timed([lambda a=a, b=b: a @ b], clock or CudaClock(), 0.06)
            timed.round()
            rates[name] = 2 * side**3 / (1e-3 * timed.times().median_ms)
    return rates


def copy_bandwidth(megabytes: int = 1024, clock: Clock | None = None, device: str = "cuda") -> float:
    """Bytes per second read and written by a copy far larger than the cache."""
    source = torch.ones(megabytes * 2**18, device=device)
    target = torch.empty_like(source)
    timed = Timed([lambda: target.copy_(source)], clock or CudaClock(), 0.06)
    timed.round()
    return 2 * source.nbytes / (1e-3 * timed.times().median_ms)


def describe() -> dict[str, object]:
    """GPU, driver, versions and commit, for the record."""
    properties = torch.cuda.get_device_properties(0)
    return {
        "gpu": torch.cuda.get_device_name(),
        "multiprocessors": properties.multi_processor_count,
        "memory_gb": round(properties.total_memory / 1e9, 1),
        "driver": _driver(),
        "cuda": torch.version.cuda,
        **machine.describe(),
    }


def _driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return result.stdout.strip().splitlines()[0]
