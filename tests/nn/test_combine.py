"""Products and concatenations on stated sets, per-item rows: against dicts of sites, gradients, refusals."""

import gc
import weakref

import pytest
import torch
from tests.sparse.voxels import empty_map, random_features, random_map, rows
from tests.tolerances import assert_near
from torch import Tensor

from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor


def three(device) -> list[SparseTensor]:
    return [random_features(random_map(seed, device, number=600), 3, seed=seed) for seed in (20, 21, 22)]


def test_the_union_of_three_is_one_object_while_it_is_held() -> None:
    tensors = three(torch.device("cpu"))
    total, joined = F.union_add(*tensors), F.cat(*tensors, on="union", fill=0.0)
    assert joined.coord_map is total.coord_map and F.cat(total, joined).num_channels == 12
    everywhere = random_features(total.coord_map)
    united = [F.union_add(*tensors[:2], everywhere).coord_map for _ in range(2)]
    assert all(one is total.coord_map for one in united)
    left = weakref.ref(F.union_add(*tensors[:2]).coord_map)
    gone = weakref.ref(total.coord_map)
    del total, joined, everywhere, united
    gc.collect()
    assert gone() is None and left() is None


def test_a_sum_that_grows_keeps_no_earlier_one() -> None:
    device = torch.device("cpu")
    total, earlier = random_features(random_map(40, device, number=20)), []
    for seed in range(41, 51):
        earlier.append(weakref.ref(total.coord_map))
        total = F.union_add(total.replace(total.features.detach()), random_features(random_map(seed, device)))
    gc.collect()
    assert sum(one() is not None for one in earlier) <= 1 and total.num_rows > 100


def by_site(x: SparseTensor) -> dict:
    return dict(zip(rows(x.coord_map), x.features.detach().cpu(), strict=True))


def test_product_on_the_intersection(device) -> None:
    a, b, c = tensors = three(device)
    y = F.multiply(*tensors, on="intersection")
    sites = by_site(a).keys() & by_site(b).keys() & by_site(c).keys()
    assert len(sites) > 3 and set(rows(y.coord_map)) == sites
    for site, value in by_site(y).items():
        assert_near(value, by_site(a)[site] * by_site(b)[site] * by_site(c)[site])
    y.features.sum().backward()
    for x in tensors:
        inside = torch.tensor([site in sites for site in rows(x.coord_map)], device=device)
        assert not x.features.grad[~inside].any() and x.features.grad[inside].all()


@pytest.mark.parametrize("fill", [0.0, 1.0, -2.5])
def test_product_and_concatenation_on_the_union_with_a_fill(fill, device) -> None:
    a, b, _ = three(device)
    product, joined = F.multiply(a, b, on="union", fill=fill), F.cat(a, b, on="union", fill=fill)
    absent = torch.full((3,), fill, dtype=torch.float64)
    assert set(rows(product.coord_map)) == set(rows(a.coord_map)) | set(rows(b.coord_map))
    assert joined.coord_map is product.coord_map and joined.num_channels == 6
    for site, value in by_site(product).items():
        one, other = by_site(a).get(site, absent), by_site(b).get(site, absent)
        assert_near(value, one * other)
        assert_near(by_site(joined)[site], torch.cat([one, other]))


@pytest.mark.parametrize("on", ["intersection", "union"])
def test_derivatives(on, device) -> None:
    a, b = random_map(23, device, number=8), random_map(24, device, number=8)
    fill = 0.5 if on == "union" else None
    x, y = (random_features(one, 2).features.detach().requires_grad_() for one in (a, b))
    for function in (F.multiply, F.cat):

        def combined(x: Tensor, y: Tensor, function=function) -> Tensor:
            return function(SparseTensor(x, a), SparseTensor(y, b), on=on, fill=fill).features

        assert torch.autograd.gradcheck(combined, (x, y))
        assert torch.autograd.gradgradcheck(combined, (x, y))


def test_one_set_and_nothing(device) -> None:
    a = three(device)[0]
    assert F.multiply(a, a).coord_map is F.multiply(a, a, on="intersection").coord_map is a.coord_map
    assert torch.equal(F.multiply(a, a).features, a.features**2)
    none = random_features(empty_map(device))
    assert F.multiply(a, none, on="intersection").num_rows == 0
    assert torch.equal(F.multiply(a, none, on="union", fill=1.0).features, a.features)
    part = random_features(a.coord_map.pruned(torch.arange(a.num_rows, device=device) % 2 == 0))
    assert set(rows(F.cat(a, part, on="intersection").coord_map)) == set(rows(part.coord_map))
    assert F.cat(part, a, on="intersection").coord_map is part.coord_map


def test_per_item_rows(device) -> None:
    x, _, _ = three(device)
    row = torch.randn(x.batch_size, 3, dtype=torch.float64, device=device, requires_grad=True)
    spread = row[x.coords[:, 0].long()]
    assert torch.equal(F.broadcast_multiply(x, row).features, x.features * spread)
    assert torch.equal(F.broadcast_cat(x, row).features, torch.cat([x.features, spread], dim=1))
    assert torch.autograd.gradcheck(lambda r: F.broadcast_multiply(x.detach(), r).features, row)


def test_intersection_links_its_rows(device) -> None:
    a, b = random_map(25, device), random_map(26, device)
    both = a.intersection(b)
    assert rows(both) == [site for site in rows(a) if site in set(rows(b))]
    for one in (a, b):
        assert torch.equal(one.coords[one.rows_of(both).long()], both.coords)
    assert torch.equal(both.keys, b.intersection(a).keys)


def test_intersection_counts_the_items_of_both(device) -> None:
    a, b = random_map(27, device, batch_size=3), random_map(28, device, batch_size=1)
    assert a.intersection(b).batch_size == b.intersection(a).batch_size == a.union(b).batch_size == 3
    assert b.intersection(a.pruned(a.coords[:, 0] >= 0)).batch_size == 3


def test_what_is_not_stated_is_refused(device) -> None:
    a, b, _ = three(device)
    for function, name in ((F.multiply, "multiply"), (F.cat, "cat")):
        with pytest.raises(ValueError, match=rf"{name}: tensors must share one CoordMap object, got"):
            function(a, b)
        with pytest.raises(ValueError, match=rf'{name}: fill must be given with on="union" and only there'):
            function(a, b, on="union")
        with pytest.raises(ValueError, match=rf"{name}: fill must be .*got on='same', fill=0.0; say what"):
            function(a, a, fill=0.0)
        with pytest.raises(ValueError, match=rf"{name}: on must be .* got 'left'; choose one"):
            function(a, b, on="left")
    with pytest.raises(ValueError, match=r"multiply: tensors must be of stride .* with 3 channels, got"):
        F.multiply(a, a.replace(a.features[:, :1]))
    with pytest.raises(ValueError, match=r"intersection: other must be of stride \(1, 1, 1\), got"):
        a.coord_map.intersection(CoordMap.strided(a.coord_map, 2))
