"""What an operation asks of the host and of the memory: kernels, host reads, peak bytes."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

WAITS = ("cudaStreamSynchronize", "cudaEventSynchronize", "cudaDeviceSynchronize")


@dataclass(frozen=True)
class Counts:
    """What one run did.

    Attributes:
        kernels: launched.
        memsets: queued.
        host_reads: copies from the device to the host.
        waits: of the host for the device.
    """

    kernels: int = 0
    memsets: int = 0
    host_reads: int = 0
    waits: int = 0


def counted(run: Callable[[], object]) -> Counts:
    """Counts of one run, the second, less those of profiling nothing."""
    run()
    torch.cuda.synchronize()
    nothing, counts = _of_nothing(), asdict(_profiled(run))
    return Counts(**{name: max(0, count - nothing[name]) for name, count in counts.items()})


@cache
def _of_nothing() -> dict[str, int]:
    return asdict(_profiled(lambda: None))


def _profiled(run: Callable[[], object]) -> Counts:
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        run()
        torch.cuda.synchronize()
    return count_events(trace_of(profiler))


def trace_of(profiler: profile) -> list[dict]:
    """Every event that the profiler saw."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        return json.loads(path.read_text())["traceEvents"]


def count_events(events: list[dict]) -> Counts:
    """Counts in a trace as torch's profiler writes it."""

    def number(category: str, *names: str) -> int:
        found = (event for event in events if event.get("cat") == category)
        return sum(not names or any(name in event["name"] for name in names) for event in found)

    return Counts(
        number("kernel"), number("gpu_memset"), number("gpu_memcpy", "DtoH"), number("cuda_runtime", *WAITS)
    )


def peak_bytes(run: Callable[[], object]) -> int:
    """Most bytes of the device that a run held at once, beyond what was there before it."""
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    made = run()  # kept until the peak is read
    torch.cuda.synchronize()
    peak = torch.cuda.max_memory_allocated() - before
    del made
    return peak
