"""The CUDA library wherever nvcc is: it compiles, links, holds every architecture and loads without a GPU."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.ops.fatbin import fat_binaries

from completion.ops.build import build_library
from completion.ops.cuda_compiler import ARCHITECTURES, nvcc
from completion.ops.recipe import architectures, portable, recipe

LOAD = """
import sys, torch
torch.ops.load_library(sys.argv[1])
coords = torch.tensor([[3, -1, 2, -32768], [0, 32767, 0, 5]], dtype=torch.int32)
keys = torch.ops.completion.encode(coords)
assert torch.equal(torch.ops.completion.decode(keys), coords)
for name in sys.argv[2:]:
    for backend in ("CPU", "CUDA"):
        assert torch._C._dispatch_has_kernel_for_dispatch_key(f"completion::{name}", backend), (name, backend)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library with CUDA kernels by the project's recipe; unchanged objects come from the cache."""
    if nvcc() is None:
        pytest.skip("nvcc is not on the PATH or in $CUDA_HOME/bin; the CUDA sources cannot be compiled")
    return build_library(cuda=True, folder=tmp_path_factory.mktemp("cuda_library"))


def test_every_cuda_file_holds_every_architecture(library: Path):
    sources = [path for path in recipe(cuda=True).sources if path.suffix == ".cu"]
    special = [path for path in sources if architectures(path, ARCHITECTURES) != portable(ARCHITECTURES)]
    binaries = fat_binaries(library)
    compiled = [binary for binary in binaries if binary.ptx]  # the linker adds an empty one
    assert len(compiled) == len(sources) - len(special) > 0
    for binary in compiled:
        assert binary.machine_code == {int(name) for name in ARCHITECTURES}
        assert binary.ptx == {int(ARCHITECTURES[0])}
    assert sum(binary.machine_code == {90} and not binary.ptx for binary in binaries) == len(special) == 2


def test_library_loads_and_runs_on_the_cpu(library: Path):
    result = subprocess.run(
        [sys.executable, "-c", LOAD, str(library), *_operators()], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def _operators() -> list[str]:
    """Names that the bindings define."""
    bindings = (recipe(cuda=True).root / "torch").glob("*.cpp")
    names = [name for path in bindings for name in re.findall(r'm\.impl\("(\w+)"', path.read_text())]
    assert "convolution" in names
    return names
