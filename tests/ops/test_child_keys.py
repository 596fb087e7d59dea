"""child_keys against the reference and the general generative set."""

import pytest
import torch
from tests.ops.voxel_sets import COORDS, NAMES, assert_same, canonical, cube, random_coords

from completion import ops
from completion.ops import reference


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("size", "stride"), [(2, 1), (4, 1), (2, 8)])
def test_equals_the_reference_and_the_generative_set(name: str, size: int, stride: int, device: torch.device):
    cells = [size * stride] * 3
    parents = ops.strided_set(canonical(COORDS[name](), device), cells)[0]
    children = ops.child_keys(parents, size**3, stride**3)
    assert_same(children, reference.child_keys(parents, size**3, stride**3))
    offsets = [value * stride for value in cube(size, centred=False)]
    assert_same(children, ops.generative_set(parents, offsets))


def test_more_rows_than_one_block(device: torch.device):
    parents = ops.strided_set(canonical(random_coords(70_000, -60, 60), device), (2, 2, 2))[0]
    assert_same(ops.child_keys(parents, 8, 1), reference.child_keys(parents, 8, 1))
    assert_same(ops.child_keys(parents[::2], 8, 1), reference.child_keys(parents[::2], 8, 1))


def test_no_parents_have_no_children(device: torch.device):
    assert ops.child_keys(torch.zeros(0, dtype=torch.int64, device=device), 2**32, 1).shape == (0,)


def test_error_words(device: torch.device):
    keys = torch.zeros(2, dtype=torch.int64, device=device)
    with pytest.raises(
        ValueError, match="child_keys: num_children must be a power of two, got 27; generative"
    ):
        ops.child_keys(keys, 27, 1)
    with pytest.raises(
        ValueError, match=r"child_keys: keys must be fewer than 2\^31 / K = 1, got 2; split the"
    ):
        ops.child_keys(keys, 2**31, 1)
    with pytest.raises(
        ValueError, match=rf"child_keys: step must be at most 2\^48 / K = {2**45}, got {2**46}; a"
    ):
        ops.child_keys(keys, 8, 2**46)


def test_opcheck(device: torch.device):
    parents = ops.strided_set(canonical(random_coords(20, -2, 2), device), (2, 2, 2))[0]
    torch.library.opcheck(torch.ops.completion.child_keys, (parents, 8, 1))
