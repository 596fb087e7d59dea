"""lookup against bisection in plain torch."""

import pytest
import torch
from tests.ops.voxel_sets import COORDS, NAMES, assert_same, canonical, random_coords

from completion import ops
from completion.ops import reference


@pytest.mark.parametrize("other", NAMES)
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference(name: str, other: str, device: torch.device):
    keys, queries = canonical(COORDS[name](), device), reference.encode(COORDS[other]()).to(device)
    assert_same(ops.lookup(keys, queries), reference.lookup(keys, queries))


def test_every_row_finds_itself_in_any_order(device: torch.device):
    keys = canonical(random_coords(20_000, -20, 20), device)
    order = torch.randperm(keys.numel(), generator=torch.Generator().manual_seed(0)).to(device)
    assert_same(ops.lookup(keys, keys[order]), order.int())


def test_non_contiguous_input(device: torch.device):
    keys = canonical(random_coords(200, -9, 9), device)
    assert_same(
        ops.lookup(keys[::2], keys[::3]), reference.lookup(keys[::2].contiguous(), keys[::3].contiguous())
    )


def test_error_words(device: torch.device):
    keys = torch.zeros(2, dtype=torch.int64, device=device)
    with pytest.raises(ValueError, match=r"lookup: queries must be \[N\], got \[1, 2\]; reshape it"):
        ops.lookup(keys, keys[None])


def test_opcheck(device: torch.device):
    keys = canonical(random_coords(20, -2, 2), device)
    torch.library.opcheck(torch.ops.completion.lookup, (keys, keys.flip(0)))
