"""selected_set against plain indexing."""

import pytest
import torch
from tests.ops.voxel_sets import COORDS, NAMES, assert_same, canonical, random_coords, random_mask

from completion import ops
from completion.ops import reference


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference(name: str, share: float, device: torch.device):
    keys = canonical(COORDS[name](), device)
    mask = random_mask(keys, share)
    expected = reference.selected_set(keys, mask)
    assert_same(ops.selected_set(keys, mask), expected)
    assert_same(ops.selected_set(keys, mask, len(expected[0])), expected)


@pytest.mark.parametrize("share", [0.0, 0.12, 0.99, 1.0])
def test_more_rows_than_one_block(share: float, device: torch.device):
    keys = canonical(random_coords(150_000, -60, 60), device)
    mask = random_mask(keys, share)
    assert_same(ops.selected_set(keys, mask), reference.selected_set(keys, mask))


@pytest.mark.parametrize("byte", [2, 128, 255])
def test_every_byte_but_zero_is_true(byte: int, device: torch.device):
    keys = canonical(random_coords(2000, -9, 9), device)
    mask = random_mask(keys, 0.5)
    as_other_programs_have_it = (mask.to(torch.uint8) * byte).view(torch.bool)
    assert_same(ops.selected_set(keys, as_other_programs_have_it), reference.selected_set(keys, mask))


def test_non_contiguous_input(device: torch.device):
    keys = canonical(random_coords(200, -9, 9), device)
    mask = random_mask(keys, 0.5)
    expected = reference.selected_set(keys[::2], mask[::2])
    assert_same(ops.selected_set(keys[::2], mask[::2]), expected)


def test_a_wrong_number_reaches_no_other_memory(device: torch.device):
    keys = canonical(random_coords(5000, -30, 30), device)
    mask = random_mask(keys, 0.5)
    selected, rows, inverse = reference.selected_set(keys, mask)
    few, many = 7, len(selected) + 300
    if device.type == "cpu":  # which counts
        assert_same(ops.selected_set(keys, mask, few), (selected, rows, inverse))
        assert_same(ops.selected_set(keys, mask, many), (selected, rows, inverse))
        return
    kept = torch.where(inverse < few, inverse, -1)
    assert_same(ops.selected_set(keys, mask, few), (selected[:few], rows[:few], kept))
    repeated = torch.cat([selected, keys[:1].expand(300)]), torch.cat([rows, rows.new_zeros(300)])
    assert_same(ops.selected_set(keys, mask, many), (*repeated, inverse))


def test_error_words(device: torch.device):
    keys = canonical(random_coords(9, -9, 9), device)
    mask = random_mask(keys, 0.5)
    with pytest.raises(TypeError, match="selected_set: mask must be bool, got int64; convert it first"):
        ops.selected_set(keys, keys)
    with pytest.raises(ValueError, match=r"selected_set: mask must have N = \d+ as keys, got \d+; pass the"):
        ops.selected_set(keys, mask[1:])
    with pytest.raises(
        ValueError, match=r"selected_set: num_selected must be at most \d+, got 90; count the"
    ):
        ops.selected_set(keys, mask, 90)


def test_opcheck(device: torch.device):
    keys = canonical(random_coords(20, -2, 2), device)
    mask = random_mask(keys, 0.5)
    torch.library.opcheck(torch.ops.completion.selected_set, (keys, mask))
    torch.library.opcheck(torch.ops.completion.selected_set, (keys, mask, int(mask.sum())))
