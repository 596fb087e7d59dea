"""pyramid against level after level in plain torch."""

import pytest
import torch
from tests.ops.voxel_sets import COORDS, NAMES, assert_same, canonical, random_coords

from completion import ops
from completion.ops import reference


@pytest.mark.parametrize(("stride", "num_levels"), [(1, 1), (1, 4), (1, 15), (8, 3), (16384, 1)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference(name: str, stride: int, num_levels: int, device: torch.device):
    keys = canonical(COORDS[name](), device)
    if stride > 1:
        keys, _ = ops.strided_set(keys, (stride,) * 3)
    assert_same(ops.pyramid(keys, stride, num_levels), reference.pyramid(keys, stride, num_levels))


def test_more_rows_than_one_block(device: torch.device):
    keys = canonical(random_coords(200_000, -40, 40), device)
    assert len(keys) > 3 * 32768  # chunks on the CPU are shorter
    assert_same(ops.pyramid(keys, 1, 7), reference.pyramid(keys, 1, 7))


def test_non_contiguous_input(device: torch.device):
    keys = canonical(random_coords(200, -9, 9), device)
    assert_same(ops.pyramid(keys[::2], 1, 3), reference.pyramid(keys[::2].contiguous(), 1, 3))


def test_opcheck(device: torch.device):
    keys = canonical(random_coords(20, -3, 3), device)
    torch.library.opcheck(torch.ops.completion.pyramid.default, (keys, 1, 3))
