"""Finding, building and loading of the native library; compiles nothing twice."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from completion.ops import build, recipe


def test_description_is_of_the_loaded_library():
    found = build.describe()
    assert found.path.exists()
    assert found.path == build.library_path()
    assert found.cuda == build.has_cuda()
    assert found.path.name == recipe.recipe(found.cuda).library_name


def test_every_operator_has_a_cpu_kernel_and_a_fake():
    for name in dir(torch.ops.completion):
        if not name.startswith("_") and name != "name":
            assert torch._C._dispatch_has_kernel_for_dispatch_key(f"completion::{name}", "CPU"), name


def test_key_follows_sources_and_backend(tmp_path: Path):
    plan = recipe.recipe(cuda=False)
    assert plan.key != recipe.recipe(cuda=True).key
    for folder in ("include", "cpu", "torch"):
        (tmp_path / folder).mkdir()
    source = tmp_path / "cpu" / "one.cpp"
    source.write_text("int one = 1;")
    edited = recipe.Recipe(root=tmp_path, sources=(source,), cuda=False)
    before = edited.key
    assert before == edited.key
    (tmp_path / "include" / "new.h").write_text("")
    assert edited.key != before


def test_an_existing_library_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    existing = tmp_path / recipe.recipe(cuda=False).library_name
    existing.touch()
    monkeypatch.setattr(build, "_compile_and_link", lambda *_: pytest.fail("compiled"))
    assert build.build_library(cuda=False, folder=tmp_path) == existing


def test_processes_that_build_at_once_share_one_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    script = (
        "import sys, pathlib; from completion.ops import build\n"
        "build._compile_and_link = lambda plan, folder, target: (print('built'), target.touch())\n"
        "build.build_library(False, pathlib.Path(sys.argv[1]) / 'lib')"
    )
    monkeypatch.setenv("COMPLETION_BUILD_DIR", str(build.build_folder()))
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert "".join(outputs).count("built") == 1


def test_a_source_that_does_not_compile_shows_the_compilers_words(tmp_path: Path):
    source = tmp_path / "cpu" / "wrong.cpp"
    source.parent.mkdir()
    (tmp_path / "include").mkdir()
    source.write_text("int wrong = ;")
    plan = recipe.Recipe(root=tmp_path, sources=(source,), cuda=False)
    with pytest.raises(
        ImportError, match=r"the native operators must compile, got exit code 1 from[\s\S]*wrong.cpp"
    ):
        build._compile(plan, source, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_missing_compiler_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        ImportError, match="the C\\+\\+ compiler must be on the PATH, got no 'no-such-compiler'; install"
    ):
        recipe.cxx()
    assert "no-such-compiler" in build.describe().compiler


@pytest.mark.parametrize(("setting", "wanted"), [("0", False), ("1", True)])
def test_setting_decides_about_cuda(setting: str, wanted: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COMPLETION_CUDA", setting)
    assert build.wants_cuda() is wanted


def test_cuda_by_default_only_in_a_cuda_torch(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COMPLETION_CUDA", raising=False)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert not build.wants_cuda()


def test_unknown_setting_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COMPLETION_CUDA", "yes")
    with pytest.raises(ImportError, match="COMPLETION_CUDA must be 0 or 1, got 'yes'; set or unset it"):
        build.wants_cuda()


def test_cuda_tensor_in_a_cpu_build_names_the_remedy(monkeypatch: pytest.MonkeyPatch):
    from completion.ops import checks

    class OnCuda:
        device, is_cuda = torch.device("cuda", 0), True

    monkeypatch.setattr(checks, "has_cuda", lambda: False)
    with pytest.raises(
        ValueError,
        match=r"lookup: keys must be on cpu in this CPU-only build, got cuda:0; .*completion build cuda=true",
    ):
        checks.check_device("lookup", "keys", OnCuda(), None)
