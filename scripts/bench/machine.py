"""The machine's limits, measured in the same run as everything else, and what it is."""

import platform
import subprocess
import tempfile
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]


class MultiplyAddRates:
    """Operations per second of one core by type, by loops of multiply-adds compiled for this machine.

    Asked again before each case, because a core's clock drifts by several percent within a run.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._program = Path(self._folder.name) / "peak"
        source = Path(__file__).with_name("peak.cpp")
        flags = ["-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno"]
        subprocess.run(["g++", *flags, str(source), "-o", str(self._program)], check=True)

    def measure(self) -> dict[torch.dtype, float]:
        """The rates now; without dot products of bfloat16, what holds such values is computed in float32."""
        output = subprocess.run([self._program], check=True, capture_output=True, text=True).stdout
        float32, bfloat16 = (1e9 * float(number) for number in output.split())
        return {torch.float32: float32, torch.bfloat16: bfloat16 or float32}


def copy_bandwidth(megabytes: int = 256) -> float:
    """Bytes per second read and written by a copy far larger than the caches."""
    source = torch.ones(megabytes * 2**18)
    target = torch.empty_like(source)
    best = 0.0
    for _ in range(5):
        started = time.perf_counter()
        target.copy_(source)
        best = max(best, 2 * source.nbytes / (time.perf_counter() - started))
    return best


def describe() -> dict[str, object]:
    """Processor, versions, commit and threads, for the record."""
    return {
        "processor": _processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": _commit(),
    }


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return result.stdout.strip()


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
