"""Losses against their definitions written out, and where missing geometry weighs more."""

import math

import pytest
import torch

from completion.models.losses import completion_loss, dice_loss, level_loss, near_partial
from completion.nn.prune import Level
from completion.sparse import CoordMap


def coord_map(*xs: int, stride: int = 1, item: int = 0) -> CoordMap:
    coords = torch.tensor([[item, x, 0, 0] for x in xs], dtype=torch.int32).reshape(-1, 4)
    return CoordMap.from_coords(coords, stride=stride, batch_size=item + 1)


def level(cells: CoordMap, logits: list[float], target: list[bool]) -> Level:
    values = torch.tensor(logits, requires_grad=True)
    mask = torch.tensor(target, dtype=torch.bool)
    return Level(cells.stride[0], cells, values, mask, mask)


def bce(logit: float, target: bool) -> float:
    return math.log1p(math.exp(-logit if target else logit))


def test_near_partial_is_the_input_dilated_by_one_cell_of_the_level():
    assert near_partial(coord_map(0, 1, 2, 3, 4, 5), coord_map(3)).tolist() == [
        False,
        False,
        True,
        True,
        True,
        False,
    ]
    assert near_partial(coord_map(0, 4, 8, 12, stride=4), coord_map(9)).tolist() == [False, True, True, True]


def test_missing_truth_weighs_more_and_the_mean_is_weighted():
    cells = coord_map(0, 1, 6, 7)
    value = level_loss(level(cells, [1.0, -2.0, 0.5, 0.25], [True, False, True, False]), coord_map(0), 3.0)
    expected = (bce(1, True) + bce(-2, False) + 3 * bce(0.5, True) + bce(0.25, False)) / 6
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_total_is_the_mean_over_levels_plus_dice():
    partial = coord_map(0)
    coarse = level(coord_map(0, 4, stride=4), [1.0, -1.0], [True, False])
    fine = level(coord_map(0, 1), [2.0, 0.0], [True, True])
    total, parts = completion_loss([coarse, fine], partial, missing_weight=3.0, dice_weight=0.5)
    assert set(parts) == {"loss/stride_4", "loss/stride_1", "loss/dice"}
    expected = (parts["loss/stride_4"] + parts["loss/stride_1"]) / 2 + 0.5 * parts["loss/dice"]
    assert total.item() == pytest.approx(expected.item())


def test_two_levels_of_one_stride_both_count():
    partial = coord_map(0)
    levels = [level(coord_map(0, 1), [1.0, -1.0], [True, False]) for _ in range(3)]
    levels[1].logits.data *= -3
    total, parts = completion_loss(levels, partial)
    assert list(parts) == ["loss/stride_1", "loss/stride_1_2", "loss/stride_1_3"]
    assert total.item() == pytest.approx(sum(part.item() for part in parts.values()) / 3)
    total.backward()
    assert all(one.logits.grad.any() for one in levels)


def test_half_types_are_summed_in_float32_and_float64_stays():
    cells = coord_map(0, 1)
    for given, summed in ((torch.bfloat16, torch.float32), (torch.float64, torch.float64)):
        one = level(cells, [1.0, -2.0], [True, False])
        one.logits = one.logits.to(given)
        total, _ = completion_loss([one], coord_map(0), missing_weight=1.0, dice_weight=0.5)
        assert total.dtype == summed
        expected = (bce(1, True) + bce(-2, False)) / 2
        assert level_loss(one, coord_map(0), 1.0).item() == pytest.approx(
            expected, rel=1e-15 if given == torch.float64 else 1e-6
        )


def test_a_weight_is_as_exact_as_the_logits():
    cells = coord_map(0, 6)
    one = level(cells, [1.0, -2.0], [True, True])
    one.logits = one.logits.double()
    expected = (bce(1, True) + 2.7 * bce(-2, True)) / 3.7
    assert level_loss(one, coord_map(0), 2.7).item() == pytest.approx(expected, rel=1e-14)


def test_dice_is_taken_per_item():
    cells = CoordMap.from_coords(torch.tensor([[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0]], dtype=torch.int32))
    logits = torch.tensor([0.0, 50.0, -50.0])
    value = dice_loss(logits, torch.tensor([True, True, False]), cells)
    first = 1 - (2 * 0.5 + 1) / (0.5 + 1 + 1)
    second = 1 - (2 * 1 + 1) / (1 + 1 + 1)
    assert float(value) == pytest.approx((first + second) / 2)


def test_levels_without_rows_cost_nothing():
    nothing = level(coord_map(), [], [])
    total, _ = completion_loss([nothing], coord_map(), dice_weight=1.0)
    total.backward()
    assert total.item() == 0


def test_needs_targets():
    bare = level(coord_map(0), [0.0], [True])
    bare.target = None
    with pytest.raises(ValueError, match="call the model with truth"):
        completion_loss([bare], coord_map(0))
