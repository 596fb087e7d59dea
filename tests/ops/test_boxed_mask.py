"""boxed_mask against plain masks and counts."""

import pytest
import torch
from tests.ops.voxel_sets import COORDS, NAMES, assert_same, canonical, random_coords, random_mask

from completion import ops
from completion.ops import reference

EVERYWHERE = ((-32768,) * 3, (32768,) * 3)
BOXES = [EVERYWHERE, ((-3, -32768, 0), (5, 2, 32768)), ((1, 1, 1), (1, 9, 9)), ((9, 0, 0), (-9, 9, 9))]


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference(name: str, box: tuple, device: torch.device):
    keys = canonical(COORDS[name](), device)
    mask = random_mask(keys)
    assert_same(ops.boxed_mask(keys, mask, 4, *box), reference.boxed_mask(keys, mask, 4, *box))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("items", [1, 7, 4000])
def test_more_rows_than_one_block(share: float, items: int, device: torch.device):
    """A whole block in one item, and many items in one block."""
    coords = random_coords(60_000, -40, 40)
    coords[:, 0] = torch.arange(60_000) * items // 60_000
    keys = canonical(coords, device)
    mask = random_mask(keys, share)
    boxed, counts = ops.boxed_mask(keys, mask, items, (-20, -40, -40), (40, 7, 41))
    inside = reference.inside_box(keys, (-20, -40, -40), (40, 7, 41))
    assert_same(boxed, mask & inside)
    batch = ops.decode(keys)[:, 0].long()
    assert_same(counts[:-1], torch.bincount(batch[boxed], minlength=items))
    assert int(counts[-1]) == int((~inside).sum())


def test_items_beyond_the_batch_are_not_counted(device: torch.device):
    coords = torch.tensor([[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0], [65535, 0, 0, 0]], dtype=torch.int32)
    keys = ops.encode(coords.to(device))
    everything = torch.ones(4, dtype=torch.bool, device=device)
    for batch_size, counts in ((0, [0]), (1, [1, 0]), (2, [1, 2, 0]), (3, [1, 2, 0, 0])):
        boxed, found = ops.boxed_mask(keys, everything, batch_size, *EVERYWHERE)
        assert bool(boxed.all())
        assert found.tolist() == counts


@pytest.mark.parametrize("byte", [2, 128, 255])
def test_every_byte_but_zero_is_true(byte: int, device: torch.device):
    keys = canonical(random_coords(2000, -9, 9), device)
    mask = random_mask(keys)
    as_other_programs_have_it = (mask.to(torch.uint8) * byte).view(torch.bool)
    actual = ops.boxed_mask(keys, as_other_programs_have_it, 2, *BOXES[1])
    assert_same(actual, reference.boxed_mask(keys, mask, 2, *BOXES[1]))


def test_non_contiguous_input(device: torch.device):
    keys = canonical(random_coords(200, -9, 9), device)
    mask = random_mask(keys)
    expected = reference.boxed_mask(keys[::2], mask[::2], 2, *BOXES[1])
    assert_same(ops.boxed_mask(keys[::2], mask[::2], 2, *BOXES[1]), expected)


def test_error_words(device: torch.device):
    keys = canonical(random_coords(9, -9, 9), device)
    mask = random_mask(keys)
    with pytest.raises(ValueError, match=r"boxed_mask: mask must have N = \d+ as keys, got \d+; pass the"):
        ops.boxed_mask(keys, mask[1:], 2, *EVERYWHERE)
    with pytest.raises(ValueError, match=r"boxed_mask: batch_size must be an integer in 0…\d+, got -1; pass"):
        ops.boxed_mask(keys, mask, -1, *EVERYWHERE)
    with pytest.raises(ValueError, match=r"boxed_mask: high must be three integers, got \[1\]; give x, y, z"):
        ops.boxed_mask(keys, mask, 1, (0, 0, 0), (1,))


def test_opcheck(device: torch.device):
    keys = canonical(random_coords(20, -2, 2), device)
    torch.library.opcheck(torch.ops.completion.boxed_mask, (keys, random_mask(keys), 2, [0, 0, 0], [9, 2, 9]))
