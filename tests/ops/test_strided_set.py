"""strided_set against floor division in plain torch."""

import pytest
import torch
from tests.ops.voxel_sets import COORDS, NAMES, assert_same, canonical, random_coords

from completion import ops
from completion.ops import reference

STRIDES = [(1, 1, 1), (2, 2, 2), (4, 4, 4), (2, 1, 1), (1, 2, 4), (3, 3, 3), (5, 2, 3), (32768, 32768, 32768)]


@pytest.mark.parametrize("stride", STRIDES, ids=str)
@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in ("corners of the range", "far apart")]
)
def test_equals_the_reference(name: str, stride: tuple[int, int, int], device: torch.device):
    keys = canonical(COORDS[name](), device)
    assert_same(ops.strided_set(keys, stride), reference.strided_set(keys, stride))


@pytest.mark.parametrize("stride", [(2, 2, 2), (1024, 1024, 1024), (2, 8, 4)], ids=str)
@pytest.mark.parametrize("name", ["corners of the range", "far apart"])
def test_powers_of_two_at_the_ends_of_the_range(
    name: str, stride: tuple[int, int, int], device: torch.device
):
    keys = canonical(COORDS[name](), device)
    assert_same(ops.strided_set(keys, stride), reference.strided_set(keys, stride))


def test_more_rows_than_one_block(device: torch.device):
    keys = canonical(random_coords(70_000, -40, 40), device)
    for stride in ((2, 2, 2), (3, 3, 3)):
        assert_same(ops.strided_set(keys, stride), reference.strided_set(keys, stride))


def test_non_contiguous_input(device: torch.device):
    keys = canonical(random_coords(200, -9, 9), device)
    assert_same(
        ops.strided_set(keys[::2], (2, 2, 2)), reference.strided_set(keys[::2].contiguous(), (2, 2, 2))
    )


def test_parent_out_of_range_is_refused(device: torch.device):
    keys = canonical(torch.tensor([[0, -32768, 0, 0], [0, 0, 0, 0]], dtype=torch.int32), device)
    with pytest.raises(
        ValueError, match=r"^strided_set: parents must lie in -32768…32767, got -32769; choose a"
    ):
        ops.strided_set(keys, (3, 1, 1))


@pytest.mark.parametrize("stride", [(0, 1, 1), (2, 2), (1, -2, 1), (65537, 1, 1)], ids=str)
def test_error_words(stride: tuple[int, ...], device: torch.device):
    keys = torch.zeros(1, dtype=torch.int64, device=device)
    with pytest.raises(ValueError, match=r"strided_set: stride must be three integers in 1…65536, got \["):
        ops.strided_set(keys, stride)


def test_opcheck(device: torch.device):
    keys = canonical(random_coords(20, -3, 3), device)
    torch.library.opcheck(torch.ops.completion.strided_set, (keys, [2, 2, 2]))
