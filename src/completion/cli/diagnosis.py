"""The checks of `completion doctor`: what is installed, what works, and what to do about the rest.

Starts the probes in processes of their own; imports neither torch nor Open3D, so it works where they do not.
"""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement

from completion.cli import system_packages

OPTIONAL_PACKAGES = ("wandb",)
MIN_FREE_GB = 5.0
VECTOR_FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve")


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        name: What was looked at.
        ok: Whether it is as it should be.
        required: Whether the program's own demo needs it.
        detail: What was found: a version, a path, or the reason of the failure.
        advice: What to do where `ok` is false; a shell line if one will do.
    """

    name: str
    ok: bool
    required: bool
    detail: str
    advice: str = ""


@dataclass(frozen=True)
class ProbeResult:
    """What a probe found; `error` is empty where it ended well."""

    values: dict
    error: str = ""


def diagnose(render: bool, timeout: float) -> list[Check]:
    """Every check, in the order in which a reader wants them.

    Args:
        render: Whether to try an off-screen picture.
        timeout: Seconds that each probe may take.
    """
    names = ["torch_build", "native_library", *(["off_screen_picture"] if render else [])]
    with ThreadPoolExecutor() as pool:
        probes = dict(zip(names, pool.map(lambda name: probe(name, timeout), names), strict=True))
    checks = [python_check(), *package_checks(), system_package_check()]
    checks += [native_check(probes["native_library"], probes["torch_build"])]
    checks += [off_screen_check(probes["off_screen_picture"])] if render else []
    checks += [processor_check(probes["torch_build"]), cuda_check(probes["torch_build"]), *storage_checks()]
    return [replace(check, advice="") if check.ok else check for check in checks]


def probe(name: str, timeout: float) -> ProbeResult:
    """Runs a probe of `completion.cli.probes` in its own process; a crash or hang becomes its error."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "completion.cli.probes", name, str(answer)]
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            return ProbeResult({}, f"no answer within {timeout:g} s")
        if result.returncode != 0:
            return ProbeResult({}, failure(result.returncode, result.stderr))
        return ProbeResult(json.loads(answer.read_text()))


def failure(status: int, text: str) -> str:
    """One line from what a failed process left: its exception, and a compiler's first error if there is one.

    Args:
        status: Exit status; negative for a signal.
        text: Its stderr.
    """
    lines = text.rpartition("Traceback (most recent call last):")[2].splitlines()
    exception = next((line for line in lines if line and not line[0].isspace()), "")
    compiler = next((line for line in lines if " error: " in line), "")
    ending = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    return "; ".join(filter(None, (exception, compiler))) or ending


def python_check() -> Check:
    """The interpreter: 3.11 to 3.13."""
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("python", ok, True, detail, "install Python 3.11, 3.12 or 3.13")


def package_checks() -> Iterator[Check]:
    """One check for each dependency that the installed package declares."""
    try:
        lines = importlib.metadata.requires("completion") or []
    except importlib.metadata.PackageNotFoundError:
        yield Check("completion", False, True, "not installed", f"{sys.executable} -m pip install -e .")
        return
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate():
            yield package_check(requirement)


def package_check(requirement: Requirement) -> Check:
    """Whether the package is there in a version that fits. It is not imported."""
    required = requirement.name not in OPTIONAL_PACKAGES
    advice = f"{sys.executable} -m pip install '{requirement}'"
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return Check(requirement.name, False, required, "not installed", advice)
    ok = requirement.specifier.contains(version, prereleases=True)
    return Check(
        requirement.name, ok, required, version if ok else f"{version}, needs {requirement.specifier}", advice
    )


def system_package_check() -> Check:
    """Shared libraries, Vulkan driver, compiler; not required: the later checks judge their effects."""
    missing = system_packages.missing_packages()
    detail = f"missing: {' '.join(missing)}" if missing else "all there"
    return Check("system packages", not missing, False, detail, system_packages.install_line(missing))


def native_check(library: ProbeResult, torch_build: ProbeResult) -> Check:
    """The native operators: loaded, run once, and with CUDA where torch has a CUDA device."""
    found = library.values
    if library.error:
        return Check("native library", False, True, library.error, "completion build")
    backends = "CPU and CUDA" if found["cuda"] else "CPU"
    origin = "built ahead of time" if found["ahead_of_time"] else "built at first import"
    detail = (
        f"{backends}, {origin}: {found['path']} (compiler {found['compiler']}, nvcc {found['cuda_compiler']})"
    )
    ok = bool(found["cuda"] or not torch_build.values.get("devices"))
    return Check("native library", ok, False, detail, "completion build cuda=true")


def off_screen_check(picture: ProbeResult) -> Check:
    """Open3D renders without a screen."""
    advice = system_packages.install_line(
        system_packages.missing_packages() or ["libegl1", "mesa-vulkan-drivers"]
    )
    if picture.error:
        return Check("off-screen picture", False, True, picture.error, advice)
    detail = f"Open3D {picture.values['version']} wrote {picture.values['bytes']} bytes"
    return Check("off-screen picture", True, True, detail, advice)


def processor_check(torch_build: ProbeResult) -> Check:
    """Cores, threads and vector instructions."""
    flags = [flag for flag in VECTOR_FLAGS if flag in cpu_flags()]
    detail = f"{available_cores()} cores, vector instructions {' '.join(flags) or 'unknown'}"
    if torch_build.error:
        return Check("processor", False, True, f"{detail}; torch: {torch_build.error}", "reinstall torch")
    found = torch_build.values
    return Check(
        "processor", True, True, f"{detail}; torch uses {found['threads']} threads, {found['capability']}"
    )


def cuda_check(torch_build: ProbeResult) -> Check:
    """The CUDA devices that torch sees; having none is fine unless there is a driver."""
    nvcc = shutil.which("nvcc") or "none"
    has_driver = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    devices = torch_build.values.get("devices") or []
    detail = (
        f"{', '.join(devices) or 'no device'}; torch for CUDA {torch_build.values.get('cuda')}; nvcc {nvcc}"
    )
    advice = "install a torch with CUDA that fits the driver: TORCH_INDEX in the README"
    return Check("cuda", bool(devices) or not has_driver, False, detail, advice)


def storage_checks() -> Iterator[Check]:
    """Free disk space where runs are written, and how Weights & Biases would log."""
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    yield Check("disk", free >= MIN_FREE_GB, False, f"{free:.0f} GB free in this folder", "free some space")
    yield Check("wandb mode", True, False, os.environ.get("WANDB_MODE", "online when logger=wandb is chosen"))


def cpu_flags() -> set[str]:
    """Instruction set names of the first core; empty where the system does not list them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    found = (line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features")))
    return set(next(found, []))


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
