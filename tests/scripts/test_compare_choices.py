"""compare_choices.py as far as a machine without a GPU can run it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from completion.ops.recipe import source_root

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def compare_choices(script):
    """The script as a module."""
    return script("compare_choices")


def test_every_choice_of_the_sources_is_compared(compare_choices):
    named = re.findall(r"#ifndef (COMPLETION_\w+)", (source_root() / "cuda" / "choices.cuh").read_text())
    assert [flags for flags in compare_choices.CHOICES.values() if flags] == [f"-D{one}=1" for one in named]


def test_flags_of_the_environment_make_another_library(monkeypatch):
    command = "from completion.ops.recipe import recipe; print(recipe(cuda=True).key)"
    keys = set()
    for flags in ("", "-DCOMPLETION_WIDE_TILES=1", "-DCOMPLETION_TALL_TILES=1"):
        monkeypatch.setenv("COMPLETION_NVCC_FLAGS", flags)
        keys.add(subprocess.run([sys.executable, "-c", command], capture_output=True, check=True).stdout)
    assert len(keys) == 3


def test_table_has_a_column_for_each_choice(compare_choices):
    output = "## a:1: 2.000 ms; kernels 1.500 ms\n1.0000 ms 2x b\n## b:2: 3.000 ms; kernels 2.250 ms\n"
    as_built = {case: float(ms) for case, ms in compare_choices.CASE.findall(output)}
    found = {"as built": as_built, "wide tiles": {"a:1": 1.0}}
    head, first, second = compare_choices.table(found, ["a:1", "b:2"])
    assert head.split() == ["case", "as", "built", "wide", "tiles"]
    assert first.split() == ["a:1", "1.500", "1.000"] and second.split() == ["b:2", "2.250", "nan"]


@pytest.mark.skipif(
    torch.cuda.is_available(), reason="this machine has a GPU: scripts/compare_choices.py is for it"
)
def test_without_a_gpu_it_says_so():
    command = [sys.executable, str(SCRIPTS / "compare_choices.py"), "subm3:300:8:tf32"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1 and "must see an NVIDIA GPU" in result.stderr
