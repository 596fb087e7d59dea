"""union_set against torch.unique of both lists."""

import pytest
import torch
from tests.ops.voxel_sets import COORDS, NAMES, assert_same, canonical, random_coords

from completion import ops
from completion.ops import reference


@pytest.mark.parametrize("other", NAMES)
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference(name: str, other: str, device: torch.device):
    a, b = canonical(COORDS[name](), device), canonical(COORDS[other](), device)
    assert_same(ops.union_set(a, b), reference.union_set(a, b))


@pytest.mark.parametrize(("many", "few"), [(70_000, 10), (70_000, 50_000)])
def test_more_rows_than_one_block(many: int, few: int, device: torch.device):
    a = canonical(random_coords(many, -60, 60), device)
    b = canonical(random_coords(few, -60, 60, seed=1), device)
    assert_same(ops.union_set(a, b), reference.union_set(a, b))
    assert_same(ops.union_set(b, a), reference.union_set(b, a))


def test_non_contiguous_input(device: torch.device):
    a = canonical(random_coords(200, -9, 9), device)
    assert_same(ops.union_set(a[::2], a[::3]), reference.union_set(a[::2], a[::3]))


def test_error_words(device: torch.device):
    keys = torch.zeros(2, dtype=torch.int64, device=device)
    with pytest.raises(TypeError, match="union_set: b must be int64, got float32; convert it first"):
        ops.union_set(keys, keys.float())
    with pytest.raises(
        ValueError, match=r"union_set: b must be on .* as the first argument, got meta; move one"
    ):
        ops.union_set(keys, keys.to("meta"))


def test_opcheck(device: torch.device):
    a, b = (canonical(random_coords(20, -2, 2, seed=seed), device) for seed in (0, 1))
    torch.library.opcheck(torch.ops.completion.union_set, (a, b))
