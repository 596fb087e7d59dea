"""The page for those who come from other libraries: its names exist, and its snippets run and hold."""

import re
from pathlib import Path

import pytest

from completion import nn
from completion.nn import functional
from completion.sparse import CoordMap, SparseTensor

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "coming-from-minkowskiengine-and-spconv.md").read_text(encoding="utf-8")
OWNERS = {"nn": nn, "F": functional, "SparseTensor": SparseTensor, "CoordMap": CoordMap}
NAME = re.compile(rf"(?<![\w.])({'|'.join(OWNERS)})\.(\w+)")


def names() -> list[str]:
    """What the page's code calls by the name of this program."""
    code = re.findall(r"`([^`\n]+)`", PAGE) + re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    return sorted({".".join(found) for text in code for found in NAME.findall(text)})


@pytest.mark.parametrize("name", names())
def test_a_name_on_the_page_exists(name):
    owner, attribute = name.split(".")
    assert hasattr(OWNERS[owner], attribute)


def test_the_page_maps_onto_many_names():
    assert len(names()) > 60


def test_the_snippets_of_the_page_hold():
    snippets = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(snippets) == 2
    scope: dict[str, object] = {}
    for snippet in snippets:
        exec(compile(snippet, "page", "exec"), scope)


@pytest.mark.parametrize(
    "theirs",
    [
        *("MinkowskiConvolution", "MinkowskiConvolutionTranspose", "MinkowskiGenerativeConvolutionTranspose"),
        *("MinkowskiChannelwiseConvolution", "MinkowskiPruning", "MinkowskiUnion", "MinkowskiInterpolation"),
        *("SubMConv3d", "SparseConv3d", "SparseInverseConv3d", "SparseConvTranspose3d", "SparseMaxPool3d"),
        *("CoordinateManager", "indice_key", "PointToVoxel", "sparse_quantize", "batched_coordinates"),
    ],
)
def test_the_page_answers_for_a_name_of_theirs(theirs):
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and theirs in line.split(" | ")[0]]
    assert rows
