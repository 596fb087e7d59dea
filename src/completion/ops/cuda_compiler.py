"""The CUDA compiler of this machine: where it is, how new, and for which GPUs it makes code."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

ARCHITECTURES = ("80", "90", "100", "120")
"""GPUs with machine code of their own where the compiler knows them; newer ones translate the first's."""
OLDEST = (12, 1)
"""The first release that takes kernels whose parameters are larger than 4 KB."""


def nvcc() -> str | None:
    """Path of the CUDA compiler: on the PATH or in $CUDA_HOME/bin; None when there is none."""
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    return shutil.which("nvcc") or shutil.which("nvcc", path=str(Path(home) / "bin"))


@cache
def release(compiler: str) -> tuple[int, int]:
    """Of a compiler, (13, 0) for example; (0, 0) where it does not tell."""
    found = re.search(r"release (\d+)\.(\d+)", _told(compiler, "--version"))
    return (int(found[1]), int(found[2])) if found else (0, 0)


@cache
def known_architectures(compiler: str) -> tuple[str, ...]:
    """Those of `ARCHITECTURES` that a compiler knows."""
    known = _told(compiler, "--list-gpu-code").split()
    return tuple(name for name in ARCHITECTURES if f"sm_{name}" in known)


def check_release(compiler: str) -> None:
    """Refuses a compiler that is too old for the kernels.

    Raises:
        ImportError: saying how old it is and what to do.
    """
    if release(compiler) < OLDEST:
        raise ImportError(
            f"completion.ops: nvcc must be {_numbered(OLDEST)} or newer, got {_numbered(release(compiler))} "
            f"in {compiler}; install a newer CUDA toolkit or set COMPLETION_CUDA=0"
        )


def _numbered(release: tuple[int, int]) -> str:
    return ".".join(map(str, release))


def _told(compiler: str, question: str) -> str:
    try:
        return subprocess.run([compiler, question], capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
