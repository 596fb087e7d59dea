"""Pooling against loops: windows, negative values, empty windows and items, gradients."""

import pytest
import torch
from tests.ops import dense_oracle as oracle
from tests.sparse.voxels import empty_map, random_features, random_map, rows
from tests.tolerances import assert_near

from completion import nn
from completion.nn import functional as F
from completion.sparse import SparseTensor

REDUCE = {"sum": lambda v: v.sum(0), "avg": lambda v: v.mean(0), "max": lambda v: v.amax(0)}
POOL = {"sum": F.sum_pool, "avg": F.avg_pool, "max": F.max_pool}
GLOBAL = {"sum": F.global_sum_pool, "avg": F.global_avg_pool, "max": F.global_max_pool}


@pytest.mark.parametrize("kind", POOL)
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 1), (3, 2), (3, 3), (1, 2), (5, 1), (4, 4)])
def test_windows(kind, size, stride, device) -> None:
    x = random_features(random_map(0, device))
    x = x.replace(x.features - 10)  # all negative: a maximum must not start from 0
    y = POOL[kind](x, size, stride)
    cell = size == stride
    kernel = oracle.offsets((size,) * 3, (1,) * 3, (1,) * 3)
    if cell:
        kernel = [tuple(c + (size // 2 if size % 2 else 0) for c in site) for site in kernel]
    values = dict(zip(rows(x.coord_map), x.features, strict=True))
    assert y.stride == (stride,) * 3
    for row, out in zip(rows(y.coord_map), y.features, strict=True):
        found = [values[site] for site in (oracle.shifted(row, o) for o in kernel) if site in values]
        assert_near(out, REDUCE[kind](torch.stack(found)) if found else torch.zeros_like(out))


@pytest.mark.parametrize("kind", POOL)
@pytest.mark.parametrize("phase", ["corner", "centered"])
@pytest.mark.parametrize(("size", "stride"), [((2, 4, 3), (2, 2, 1)), ((2, 2, 2), (2, 2, 2))], ids=str)
def test_dilated_windows_and_phases(kind, phase, size, stride, device) -> None:
    x = random_features(random_map(9, device))
    y = POOL[kind](x, size, stride, dilation=2, phase=phase)
    kernel = oracle.offsets(size, (2,) * 3, (1,) * 3, phase)
    values = dict(zip(rows(x.coord_map), x.features, strict=True))
    for row, out in zip(rows(y.coord_map), y.features, strict=True):
        found = [values[site] for site in (oracle.shifted(row, o) for o in kernel) if site in values]
        assert_near(out, REDUCE[kind](torch.stack(found)) if found else torch.zeros_like(out))
    module = getattr(nn, f"{kind.capitalize()}Pool3d")(size, stride, 2, phase)
    assert torch.equal(module(x).features, y.features)


@pytest.mark.parametrize("kind", POOL)
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 1), (3, 3)])
def test_gradients(kind, size, stride, device) -> None:
    x = random_features(random_map(1, device, number=10), 2)

    def pool(features: torch.Tensor) -> torch.Tensor:
        return POOL[kind](x.replace(features), size, stride).features

    assert torch.autograd.gradcheck(pool, x.features)
    assert torch.autograd.gradgradcheck(pool, x.features, fast_mode=True)


def test_average_over_all_of_the_window(device) -> None:
    x = random_features(random_map(2, device))
    assert_near(F.avg_pool(x, 2, 2, count_absent=True).features * 8, F.sum_pool(x, 2, 2).features)
    module = nn.AvgPool3d(2, count_absent=True)
    assert torch.equal(module(x).features, F.avg_pool(x, count_absent=True).features)
    with pytest.raises(ValueError, match=r"phase must be .* got 'left'"):
        nn.MaxPool3d(2, phase="left")


@pytest.mark.parametrize("kind", GLOBAL)
def test_global_pooling_with_an_empty_item(kind, device) -> None:
    coord_map = random_map(3, device, batch_size=4)
    x = random_features(coord_map.pruned(coord_map.coords[:, 0] != 2))
    x = SparseTensor((x.features.detach() - 10).requires_grad_(), x.coord_map)
    y = GLOBAL[kind](x)
    assert y.shape == (4, 3)
    for item in range(4):
        values = x.features[x.coords[:, 0] == item]
        assert_near(y[item], torch.zeros_like(y[item]) if item == 2 else REDUCE[kind](values))
    assert torch.autograd.gradcheck(lambda f: GLOBAL[kind](x.replace(f)), x.features)


@pytest.mark.parametrize("kind", POOL)
def test_nothing(kind, device) -> None:
    x = random_features(empty_map(device))
    total = POOL[kind](x, 2, 2).features.sum() + POOL[kind](x, 3, 1).features.sum() + GLOBAL[kind](x).sum()
    total.backward()
    assert total == 0 and x.features.grad.shape == (0, 3)


@pytest.mark.parametrize("kind", POOL)
def test_half_precision_sums_in_float32(kind, device) -> None:
    x = random_features(random_map(4, device), dtype=torch.bfloat16)
    exact = POOL[kind](x.to(torch.float64), 3, 1).features
    assert_near(POOL[kind](x, 3, 1).features, exact)
    assert_near(GLOBAL[kind](x), GLOBAL[kind](x.to(torch.float64)))
