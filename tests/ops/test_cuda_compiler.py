"""Which CUDA compiler builds the kernels, and for which GPUs: with scripts in the compiler's place."""

import time
from pathlib import Path

import pytest
import torch

from completion.ops import build, cuda_compiler, recipe

NEW = "sm_75 sm_80 sm_86 sm_89 sm_90 sm_100 sm_120"


@pytest.fixture
def nvcc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a compiler of a release on the PATH, which knows GPUs and fails to compile."""

    def install(release: str, known: str = NEW) -> str:
        path = tmp_path / "nvcc"
        path.write_text(
            '#!/bin/sh\ncase "$1" in\n'
            f'--version) echo "Cuda compilation tools, release {release}, V{release}.1" ;;\n'
            f"--list-gpu-code) printf '%s\\n' {known} ;;\n"
            '*) echo "cannot compile" >&2; exit 2 ;;\nesac\n'
        )
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        return str(path)

    for cached in (cuda_compiler.release, cuda_compiler.known_architectures):
        cached.cache_clear()
    monkeypatch.delenv("COMPLETION_CUDA", raising=False)
    monkeypatch.setattr(torch.version, "cuda", "12.6")
    yield install
    for cached in (cuda_compiler.release, cuda_compiler.known_architectures):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("release", "wanted"), [("11.5", False), ("12.0", False), ("12.1", True), ("13.0", True)]
)
def test_one_that_is_too_old_leaves_the_gpu_out(nvcc, release: str, wanted: bool):
    path = nvcc(release)
    assert cuda_compiler.nvcc() == path
    assert build.wants_cuda() is wanted


def test_one_that_is_too_old_is_refused_where_it_is_asked_for(nvcc):
    path = nvcc("12.0")
    plan = recipe.recipe(cuda=True)
    source = next(source for source in plan.sources if source.suffix == ".cu")
    words = f"nvcc must be 12.1 or newer, got 12.0 in {path}; install a newer CUDA toolkit or set"
    with pytest.raises(ImportError, match=words):
        recipe.compile_command(plan, source, Path("object"))


def test_code_is_made_for_gpus_that_it_knows(nvcc):
    plan = recipe.recipe(cuda=True)
    nvcc("12.6", "sm_50 sm_80 sm_86 sm_90")
    flags = {
        source.stem: next(
            flag for flag in recipe.compile_command(plan, source, Path("object")) if "gencode" in flag
        )
        for source in plan.sources
        if source.suffix == ".cu"
    }
    assert flags.pop("convolution_warpgroup") == "-gencode=arch=compute_90a,code=sm_90a"
    assert flags["lookup"] == "-gencode=arch=compute_80,code=[compute_80,sm_80,sm_90]"
    assert recipe.recipe(cuda=True).key == plan.key  # a library is known by what was wanted


def test_a_kernel_that_does_not_compile_names_the_way_without(nvcc, tmp_path: Path):
    nvcc("12.6")
    plan = recipe.recipe(cuda=True)
    source = next(source for source in plan.sources if source.suffix == ".cu")
    with pytest.raises(
        ImportError, match=r"cannot compile\n; see .* above; COMPLETION_CUDA=0 does without a GPU"
    ):
        build._compile(plan, source, tmp_path)


def test_what_has_not_begun_is_left_when_one_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    begun = []

    def fail_first(plan, source, folder):
        begun.append(source)
        if len(begun) == 1:
            raise ImportError("wrong")
        time.sleep(0.2)

    monkeypatch.setattr(build, "_compile", fail_first)
    monkeypatch.setattr(build.os, "cpu_count", lambda: 2)
    with pytest.raises(ImportError, match="wrong"):
        build._compile_and_link(recipe.recipe(cuda=False), tmp_path, tmp_path / "library.so")
    assert len(begun) <= 4
