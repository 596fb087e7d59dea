"""Builds, finds and loads the native library: just in time at first import, or ahead of time for the package.

What is compiled with which flags is completion.ops.recipe's.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from completion.ops.cuda_compiler import OLDEST, nvcc, release
from completion.ops.recipe import PACKAGE, Recipe, compile_command, cxx, headers, link_command, recipe

AHEAD_FOLDER = PACKAGE / "lib"


@dataclass(frozen=True)
class NativeLibrary:
    """The loaded native library, as `completion doctor` shows it.

    Attributes:
        path: the shared object.
        cuda: whether CUDA kernels are in it.
        ahead_of_time: built by `completion build` (or shipped), not at import.
        compiler: C++ compiler found now, or why there is none.
        cuda_compiler: CUDA compiler found now, or "none".
    """

    path: Path
    cuda: bool
    ahead_of_time: bool
    compiler: str
    cuda_compiler: str


@cache
def load_library() -> Path:
    """Loads the native library into torch, building it first where needed; returns its path.

    Raises:
        ImportError: it is neither there nor can it be built.
    """
    path = _ahead_of_time() or build_library(wants_cuda(), build_folder())
    torch.ops.load_library(str(path))
    return path


def library_path() -> Path:
    """Path of the loaded shared object."""
    return load_library()


@torch.compiler.assume_constant_result  # torch.compile must not trace how the library was found
def has_cuda() -> bool:
    """Whether the loaded library holds CUDA kernels."""
    return _holds_cuda()


@cache
def _holds_cuda() -> bool:
    load_library()
    return torch._C._dispatch_has_kernel_for_dispatch_key("completion::encode", "CUDA")


def describe() -> NativeLibrary:
    """The loaded library and the compilers that are there."""
    try:
        compiler = cxx()
    except ImportError as error:
        compiler = str(error)
    path = library_path()
    return NativeLibrary(path, has_cuda(), path.parent == AHEAD_FOLDER, compiler, nvcc() or "none")


def wants_cuda() -> bool:
    """Whether a first build has CUDA: COMPLETION_CUDA=1, or torch has it and nvcc is there, new enough."""
    setting = os.environ.get("COMPLETION_CUDA", "")
    if setting not in ("", "0", "1"):
        raise ImportError(f"completion.ops: COMPLETION_CUDA must be 0 or 1, got {setting!r}; set or unset it")
    if setting == "1":
        return True
    if setting == "0" or torch.version.cuda is None:
        return False
    compiler = nvcc()
    return compiler is not None and release(compiler) >= OLDEST


def build_folder() -> Path:
    """Where objects and libraries are kept: $COMPLETION_BUILD_DIR, else the user's cache folder."""
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("COMPLETION_BUILD_DIR") or Path(cache_home) / "completion")


def build_ahead(cuda: bool | None = None) -> Path:
    """Builds the library into the package, where every later import finds it; returns its path.

    Args:
        cuda: with CUDA kernels or without; None decides as an import would.
    """
    return build_library(wants_cuda() if cuda is None else cuda, AHEAD_FOLDER)


def build_library(cuda: bool, folder: Path) -> Path:
    """Shared object of the current sources in `folder`, compiled unless it is there.

    Safe under several processes: one builds, the others wait for it.

    Raises:
        ImportError: a compiler is missing or refuses a source.
    """
    plan = recipe(cuda)
    target = folder / plan.library_name
    if target.exists():
        return target
    objects_folder = build_folder() / "objects"
    objects_folder.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(build_folder() / "build.lock"):
        if not target.exists():  # another process may have built it while this one waited
            _compile_and_link(plan, objects_folder, target)
    return target


def _ahead_of_time() -> Path | None:
    """Library that `completion build` put into the package from these sources, the CUDA one first."""
    wanted = (False,) if os.environ.get("COMPLETION_CUDA") == "0" else (True, False)
    if not AHEAD_FOLDER.is_dir():
        return None
    candidates = (AHEAD_FOLDER / recipe(cuda).library_name for cuda in wanted)
    return next((path for path in candidates if path.exists()), None)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compile_and_link(plan: Recipe, objects_folder: Path, target: Path) -> None:
    started = time.monotonic()
    backend = "CPU and CUDA" if plan.cuda else "CPU"
    _say(f"building the native operators ({backend}) once, into {target.parent}")
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        jobs = {pool.submit(_compile, plan, source, objects_folder): source for source in plan.sources}
        for done, job in enumerate(as_completed(jobs), start=1):
            try:
                job.result()
            except ImportError:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            _say(f"[{done}/{len(jobs)}] {jobs[job].parent.name}/{jobs[job].name}", fleeting=True)
    objects = [job.result() for job in jobs]
    _run(lambda path: link_command(plan, objects, path), target)
    _say(f"built {target.name} in {time.monotonic() - started:.0f} s")


def _compile(plan: Recipe, source: Path, folder: Path) -> Path:
    """Object of one source, named by the hash of all that goes into it: an edit recompiles one file."""
    command = compile_command(plan, source, Path("OBJECT"))
    digest = hashlib.sha256(repr((command, torch.__version__)).encode())
    for path in (source, *headers(plan.root, ("include", source.parent.name))):
        digest.update(path.read_bytes())
    target = folder / f"{source.parent.name}_{source.stem}_{digest.hexdigest()[:16]}.o"
    if not target.exists():
        _run(lambda path: compile_command(plan, source, path), target)
    return target


def _run(command_for, target: Path) -> None:
    """Runs the command that writes `target`, through a temporary name: a broken run leaves nothing behind."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    command = command_for(temporary)
    # What is preloaded into this process, as a sanitizer's runtime, is not for the compiler.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        temporary.unlink(missing_ok=True)
        raise ImportError(
            f"completion.ops: the native operators must compile, got exit code {result.returncode} from\n"
            f"{' '.join(command)}\n{result.stderr}; see the compiler's message above{_way_out(command)}"
        )
    os.replace(temporary, target)


def _way_out(command: list[str]) -> str:
    return "; COMPLETION_CUDA=0 does without a GPU" if command[0] == nvcc() else ""


def _say(text: str, fleeting: bool = False) -> None:
    """One line on stderr; a fleeting one is overwritten by the next, and left out where stderr is a file."""
    if fleeting and not sys.stderr.isatty():
        return
    end = "\r" if fleeting else "\n"
    print(f"completion: {text:<70}", end=end, file=sys.stderr, flush=True)
