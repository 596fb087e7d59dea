"""NaN and infinities pass through to the rows that use them, and to no others; nothing crashes or hangs."""

import math

import pytest
import torch
from tests.sparse.voxels import random_features, random_map
from torch import Tensor

from completion import nn
from completion.nn import functional as F
from completion.sparse import SparseTensor, cell_map, kernel_map

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
ROW = 7  # the one that is not finite


def spoilt(value: float, device: torch.device, dtype: torch.dtype = torch.float32) -> SparseTensor:
    """Normal features in which one row is this value."""
    x = random_features(random_map(0, device, stride=2), 16, dtype)
    values = x.features.detach().clone()
    values[ROW] = value
    return x.replace(values.requires_grad_())


def reached(table: Tensor) -> Tensor:
    """bool [M]: target rows that use the spoilt row."""
    return (table == ROW).any(dim=1)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("size", "stride"), [(1, 1), (3, 1), (2, 2), (5, 1)])
def test_convolution(size, stride, value, dtype, device) -> None:
    x = spoilt(value, device, dtype)
    weight = torch.rand(size**3, 16, 20, device=device).add(0.5).to(dtype).requires_grad_()
    y = F.conv(x, weight, None, size, stride)
    used = reached(kernel_map(x.coord_map, y.coord_map, size).table)
    assert used.any()
    assert torch.equal(y.features.isfinite().all(dim=1), ~used)
    expected = torch.full_like(y.features[used], value)
    assert torch.equal(y.features[used].nan_to_num(nan=0.5), expected.nan_to_num(nan=0.5))
    y.features.sum().backward()
    assert x.features.grad.isfinite().all(), "weights are finite"
    assert not weight.grad.isfinite().all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("size", [2, 3, 4])
def test_generative_and_transposed_convolution(size, value, device) -> None:
    x = spoilt(value, device)
    weight = torch.rand(size**3, 16, 8, device=device) + 0.5
    made = F.generative_conv_transpose(x, weight, None, size, 2)
    onto = F.conv_transpose(x, weight, None, size, 2, target=made.coord_map)
    used = reached(kernel_map(x.coord_map, made.coord_map, size, transposed=True).table)
    for y in (made, onto):
        assert torch.equal(y.features.isfinite().all(dim=1), ~used)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_max_pool_takes_nan_over_numbers_and_infinity_as_a_number(dtype, device) -> None:
    for value in (math.nan, math.inf):
        x = spoilt(value, device, dtype)
        y = F.max_pool(x)
        used = reached(cell_map(x.coord_map, y.coord_map).table)
        assert torch.equal(y.features.isfinite().all(dim=1), ~used)
        y.features.nan_to_num(0, 0, 0).sum().backward()
        assert x.features.grad.isfinite().all()
        whole = F.global_max_pool(x)
        assert torch.equal(whole.isfinite().all(dim=1).cpu(), torch.arange(2) != int(x.coords[ROW, 0]))
    lowest = F.max_pool(spoilt(-math.inf, device, dtype), 1, 1)
    assert (lowest.features[ROW] == -math.inf).all(), "a maximum of minus infinity is not nothing"


@pytest.mark.parametrize("pool", [F.sum_pool, F.avg_pool])
def test_sums_and_means(pool, device) -> None:
    x = spoilt(math.nan, device)
    y = pool(x, 3, 2)
    assert torch.equal(y.features.isnan().all(dim=1), reached(kernel_map(x.coord_map, y.coord_map, 3).table))


@pytest.mark.parametrize(
    "function", [F.global_sum_pool, F.global_avg_pool, lambda x: F.group_norm(x, 4).features]
)
def test_an_item_does_not_spoil_another(function, device) -> None:
    x = spoilt(math.nan, device)
    out = function(x)
    item = x.coords[:, 0] if out.shape[0] == x.num_rows else torch.arange(x.batch_size, device=device)
    assert torch.equal(out.isnan().all(dim=1), item == x.coords[ROW, 0])


def test_other_rows_of_a_union_a_product_and_a_look_up(device) -> None:
    x, y = spoilt(math.nan, device), random_features(random_map(1, device, stride=2), 16, torch.float32)
    here = x.coord_map.rows_of
    added = F.union_add(x, y)
    assert torch.equal(added.features.isnan().all(dim=1), here(added.coord_map) == ROW)
    times = F.multiply(x, y, on="union", fill=0.0)
    assert torch.equal(times.features.isnan().all(dim=1), here(times.coord_map) == ROW), "0 · NaN is NaN"
    taken = F.take(x, y.coord_map)
    assert torch.equal(taken.features.isnan().all(dim=1), here(y.coord_map) == ROW)


def test_points_on_the_neighbours_of_a_spoilt_voxel(device) -> None:
    x = spoilt(math.nan, device)
    values = F.interpolate(x, x.coords.double())
    others = torch.arange(x.num_rows, device=device) != ROW
    assert values[ROW].isnan().all()
    assert torch.equal(values[others], x.features[others].detach())


@pytest.mark.parametrize("min_keep", [0, 1, 10**6])
@pytest.mark.parametrize("budget", [None, 10**6])
def test_prune_never_keeps_a_row_whose_logit_is_nan(min_keep, budget, device) -> None:
    x = spoilt(math.nan, device)
    prune = nn.Prune(16, min_keep=min_keep, row_budget=budget).to(device)
    kept, level = prune(x)
    assert level.logits.isnan().sum() == 1 and not level.kept[ROW]
    assert kept.features.isfinite().all()
    kept.features.sum().backward()
    assert x.features.grad.isfinite().all()


def test_prune_of_nothing_but_nan_keeps_nothing(device) -> None:
    x = random_features(random_map(2, device), 16, torch.float32)
    kept, level = nn.Prune(16, min_keep=3, row_budget=5).to(device)(x.replace(x.features * math.nan))
    assert kept.num_rows == 0 and not level.kept.any() and level.num_kept_by_minimum == 0
    down = nn.Conv3d(16, 4, 2, 2).to(device)(kept)
    assert nn.GenerativeConvTranspose3d(4, 4).to(device)(down).num_rows == 0
