"""coordinate_set against torch.unique."""

import pytest
import torch
from tests.ops.voxel_sets import COORDS, NAMES, assert_same, random_coords

from completion import ops
from completion.ops import reference


@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference(name: str, device: torch.device):
    keys = reference.encode(COORDS[name]()).to(device)
    assert_same(ops.coordinate_set(keys), reference.coordinate_set(keys))


@pytest.mark.parametrize(
    ("low", "high", "batches"), [(-40, 40, 3), (-1, 500, 1), (0, 40, 1), (0, 500, 4), (-32768, 32768, 65536)]
)
def test_more_rows_than_one_block(low: int, high: int, batches: int, device: torch.device):
    keys = reference.encode(random_coords(70_000, low, high, batches)).to(device)
    assert_same(ops.coordinate_set(keys), reference.coordinate_set(keys))


def test_sorted_and_reversed_input(device: torch.device):
    keys = reference.coordinate_set(reference.encode(random_coords(500, -9, 9)))[0].to(device)
    assert_same(ops.coordinate_set(keys), reference.coordinate_set(keys))
    assert_same(ops.coordinate_set(keys.flip(0)), reference.coordinate_set(keys.flip(0)))


def test_non_contiguous_input(device: torch.device):
    keys = reference.encode(random_coords(200, -9, 9)).to(device)
    assert_same(ops.coordinate_set(keys[::2]), reference.coordinate_set(keys[::2]))


def test_error_words(device: torch.device):
    with pytest.raises(TypeError, match="coordinate_set: keys must be int64, got int32; convert it first"):
        ops.coordinate_set(torch.zeros(3, dtype=torch.int32, device=device))


def test_opcheck(device: torch.device):
    keys = reference.encode(random_coords(20, -2, 2)).to(device)
    torch.library.opcheck(torch.ops.completion.coordinate_set, (keys,))
