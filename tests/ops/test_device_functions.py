"""The CUDA kernels of csrc/cuda compiled as C++ and run on the host under the address and undefined-behaviour
sanitizers: every index, barrier and sum, though not the GPU's own compiler, memory model or speed.

`cuda_on_host` holds the stand-in for the CUDA headers and one C++ program per group of operators.
"""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from completion.ops.recipe import cxx, source_root

FOLDER = Path(__file__).parent / "cuda_on_host"
ORDERS = ("forward", "backward")
PROGRAMS = sorted(path.stem for path in FOLDER.glob("check_*.cpp"))
FLAGS = (
    "-std=c++17",
    "-g1",
    "-O1",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-Wno-unknown-pragmas",
)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the compiled check programs."""
    folder = tmp_path_factory.mktemp("cuda_on_host")
    kernels = [FOLDER / "cuda_on_host.cpp", *sorted((source_root() / "cuda").glob("*.cu"))]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        objects = list(pool.map(lambda path: _compile(path, folder), kernels))
        list(pool.map(lambda name: _link(name, objects, folder), PROGRAMS))
    return folder


@pytest.fixture(scope="module")
def results(programs: Path) -> dict[tuple[str, str], subprocess.CompletedProcess[str]]:
    """What each program said in both orders; they run side by side, the longest first."""
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0"}

    def run(case: tuple[str, str]) -> subprocess.CompletedProcess[str]:
        program, order = case
        return subprocess.run(
            [programs / program, order], capture_output=True, text=True, check=False, env=environment
        )

    cases = [(program, order) for program in PROGRAMS for order in ORDERS]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return dict(zip(cases, pool.map(run, cases), strict=True))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_kernels_on_the_host(results, program: str, order: str):
    """No kernel may depend on the order of threads and blocks: both give what plain loops give."""
    result = results[program, order]
    assert result.returncode == 0, result.stdout + result.stderr


def _compile(source: Path, folder: Path) -> Path:
    target = folder / f"{source.stem}.o"
    include = ["-I", str(FOLDER), "-I", str(source_root() / "include")]
    _run([cxx(), *FLAGS, *include, "-x", "c++", "-c", str(source), "-o", str(target)])
    return target


def _link(program: str, objects: list[Path], folder: Path) -> None:
    main = _compile(FOLDER / f"{program}.cpp", folder)
    _run([cxx(), *FLAGS, str(main), *map(str, objects), "-o", str(folder / program)])


def _run(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stderr}"
