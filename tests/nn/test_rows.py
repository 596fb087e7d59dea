"""Prune, take, union, targets, unpool, broadcast, interpolate: values, links, gradients, refusals."""

import pytest
import torch
from tests.sparse.voxels import empty_map, random_features, random_map, rows
from tests.tolerances import assert_near

from completion.nn import functional as F
from completion.sparse import SparseTensor


def half_mask(number: int, device: torch.device) -> torch.Tensor:
    return torch.arange(number, device=device) % 2 == 0


@pytest.mark.parametrize("keep", ["half", "all", "none", "one", "first item"])
def test_prune_keeps_rows_and_scatters_the_gradient_back(keep, device) -> None:
    x = random_features(random_map(0, device))
    mask = {
        "half": half_mask(x.num_rows, device),
        "all": torch.ones(x.num_rows, dtype=torch.bool, device=device),
        "none": torch.zeros(x.num_rows, dtype=torch.bool, device=device),
        "one": torch.arange(x.num_rows, device=device) == 3,
        "first item": x.coords[:, 0] == 0,
    }[keep]
    y = F.prune(x, mask)
    assert torch.equal(y.features, x.features[mask]) and torch.equal(y.coords, x.coords[mask])
    assert y.batch_size == x.batch_size and y.stride == x.stride
    (y.features * 3).sum().backward()
    assert torch.equal(x.features.grad, mask[:, None] * torch.full_like(x.features, 3))


def test_take_gives_zero_where_absent(device) -> None:
    x, other = random_features(random_map(1, device)), random_map(2, device)
    y = F.take(x, other)
    index = {row: i for i, row in enumerate(rows(x.coord_map))}
    for row, value in zip(rows(other), y.features, strict=True):
        assert torch.equal(value, x.features[index[row]] if row in index else torch.zeros_like(value))
    assert F.take(x, x.coord_map) is x
    assert torch.autograd.gradcheck(lambda f: F.take(x.replace(f), other).features, x.features)


def test_union_of_three_is_the_sum(device) -> None:
    tensors = [random_features(random_map(seed, device), seed=seed) for seed in (3, 4, 5)]
    y = F.union_add(*tensors)
    assert set(rows(y.coord_map)) == set().union(*(rows(x.coord_map) for x in tensors))
    for row, value in zip(rows(y.coord_map), y.features, strict=True):
        parts = [dict(zip(rows(x.coord_map), x.features, strict=True)).get(row) for x in tensors]
        assert_near(value, sum(part for part in parts if part is not None))
    y.features.sum().backward()
    assert all(torch.equal(x.features.grad, torch.ones_like(x.features)) for x in tensors)


def test_union_with_a_subset_or_itself_stays_on_the_set(device) -> None:
    x = random_features(random_map(6, device))
    part = F.prune(x, half_mask(x.num_rows, device))
    assert F.union_add(x, part).coord_map is F.union_add(part, x).coord_map is x.coord_map
    assert torch.equal(F.union_add(x, x).features, 2 * x.features)
    assert F.union_add(x).coord_map is x.coord_map


def test_union_with_nothing(device) -> None:
    x, none = random_features(random_map(7, device)), random_features(empty_map(device))
    assert torch.equal(F.union_add(none, x).features, x.features)
    assert F.union_add(none, random_features(empty_map(device))).num_rows == 0


def test_cat_on_one_set_only(device) -> None:
    x = random_features(random_map(8, device))
    assert F.cat(x, x.replace(x.features[:, :1])).num_channels == 4
    with pytest.raises(ValueError, match=r"cat: tensors must share one CoordMap object"):
        F.cat(x, random_features(random_map(9, device)))


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_target_is_the_strided_truth(stride, device) -> None:
    truth, candidates = random_map(10, device), random_map(11, device, stride=stride)
    cells = {(b, *(c // stride * stride for c in space)) for b, *space in rows(truth)}
    assert F.target_mask(candidates, truth).tolist() == [row in cells for row in rows(candidates)]
    with pytest.raises(ValueError, match=r"stride must be a multiple of \(4, 4, 4\), got"):
        F.target_mask(
            candidates, random_map(12, device, stride=4).strided(1)
        ) if stride < 4 else truth.strided(4).at_stride(3)


def test_target_of_an_empty_truth_is_false(device) -> None:
    candidates = random_map(13, device, stride=2)
    assert not F.target_mask(candidates, empty_map(device)).any()
    assert F.target_mask(empty_map(device, 2), random_map(13, device)).shape == (0,)


def test_unpool_copies_the_parent(device) -> None:
    fine = random_map(14, device)
    coarse = fine.strided(2)
    x = random_features(coarse.pruned(half_mask(coarse.num_rows, device)))
    y = F.unpool(x, fine)
    parents = dict(zip(rows(x.coord_map), x.features, strict=True))
    for (b, *space), value in zip(rows(fine), y.features, strict=True):
        parent = parents.get((b, *(c // 2 * 2 for c in space)))
        assert torch.equal(value, torch.zeros_like(value) if parent is None else parent)
    assert torch.autograd.gradcheck(lambda f: F.unpool(x.replace(f), fine).features, x.features)


def test_broadcast_adds_the_row_of_the_item(device) -> None:
    x = random_features(random_map(15, device))
    per_item = torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.0, 5.0]], dtype=torch.float64, device=device)
    assert torch.equal(F.broadcast_add(x, per_item).features, x.features + per_item[x.coords[:, 0].long()])
    with pytest.raises(ValueError, match=r"broadcast_add: per_item must be \[2, 3\], got \[3, 3\]"):
        F.broadcast_add(x, torch.zeros(3, 3, device=device))


def test_interpolation_meets_voxels_and_renormalises(device) -> None:
    x = random_features(random_map(16, device, stride=2))
    assert_near(F.interpolate(x, x.coords.double()), x.features)
    corner = x.coords[:1].double() + torch.tensor([0, 0.5, 0, 0], device=device)
    alone = SparseTensor(
        x.features[:1].detach(), x.coord_map.pruned(torch.arange(x.num_rows, device=device) == 0)
    )
    assert_near(F.interpolate(alone, corner), alone.features * 0.75)
    assert_near(F.interpolate(alone, corner, renormalise=True), alone.features)
    far = torch.tensor([[0.0, 32767.5, 0, 0], [0.0, -40000.0, 0, 0], [-1.0, 0, 0, 0]], device=device)
    assert not F.interpolate(x, far, renormalise=True).any()
    assert F.interpolate(random_features(empty_map(device)), far).shape == (3, 3)
    with pytest.raises(ValueError, match=r"interpolate: points must be \[P, 4\] .* got \[2, 3\]"):
        F.interpolate(x, torch.zeros(2, 3))


def test_interpolation_gradients(device) -> None:
    x = random_features(random_map(17, device, number=10), 1)
    points = x.coords.double() + torch.rand(x.num_rows, 4, device=device, dtype=torch.float64) * torch.tensor(
        [0, 1, 1, 1], device=device
    )
    assert torch.autograd.gradcheck(lambda f: F.interpolate(x.replace(f), points), x.features)


def test_unlike_tensors_are_refused(device) -> None:
    x = random_features(random_map(18, device))
    with pytest.raises(ValueError, match=r"union_add: tensors must be at least one, got none"):
        F.union_add()
    with pytest.raises(ValueError, match=r"union_add: tensors must be of stride \(1, 1, 1\) with 3 channels"):
        F.union_add(x, random_features(x.coord_map.strided(2)))
    with pytest.raises(ValueError, match=r"with 3 channels, got stride \(1, 1, 1\) with 1; bring them"):
        F.union_add(x, x.replace(x.features[:, :1]))
