"""Entry, prune, take, union, targets, unpool, interpolation, dense grids: random sets against the oracle."""

from collections import Counter, defaultdict

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from tests.ops import dense_oracle as oracle
from tests.ops.dense_oracle import Site
from tests.ops.property_cases import (
    Layer,
    Voxels,
    layers,
    normal,
    per_axis,
    proven,
    repeated_voxels,
    voxels,
)  # fmt: skip
from tests.ops.property_checks import answer, check, check_adjoint, check_layer
from tests.tolerances import assert_near
from torch import Tensor

from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor, from_dense

strides, channels = per_axis(1, 3), st.integers(1, 5)
RULES = {
    "first": lambda v: v[0],
    "sum": lambda v: v.sum(0),
    "mean": lambda v: v.mean(0),
    "max": lambda v: v.max(0),
}


@proven(voxels=repeated_voxels, stride=strides, rule=st.sampled_from(["error", *RULES]))
def test_entry(voxels: Voxels, stride: Site, rule: str, device) -> None:
    """Rows in any order, repeated ones reduced by the rule or refused."""
    sites = voxels.sites(stride)
    coords = torch.tensor(sites, dtype=torch.int32, device=device).view(-1, 4)
    features = normal(voxels.seed, (len(sites), 3), device)
    repeated = len(sites) - len(set(sites))
    if rule == "error" and repeated:
        with pytest.raises(ValueError, match=rf"coords must be unique, got {repeated} repeated rows"):
            SparseTensor.from_coords(features, coords, stride)
        return
    groups = defaultdict(list)
    for site, value in zip(sites, features.cpu().numpy(), strict=True):
        groups[site].append(value)
    reduce = RULES.get(rule, RULES["first"])

    def call(features: Tensor) -> SparseTensor:
        return SparseTensor.from_coords(features, coords, stride, duplicates=rule)

    check(call(features), {site: reduce(np.stack(values)) for site, values in groups.items()})
    if rule != "max":
        check_adjoint(lambda values: call(values).features, (features,))
    made, rows = CoordMap.from_coords_with_rows(coords, stride, duplicates="first")
    assert torch.equal(made.coords[rows.long()], coords)


@proven(voxels=voxels, stride=strides, channels=channels)
def test_prune_and_take(voxels: Voxels, stride: Site, channels: int, device) -> None:
    x = voxels.tensor(stride, channels, device)
    sites = oracle.as_sites(x.coords, x.features)
    kept = {site for i, site in enumerate(sites) if voxels.seed >> i & 1}
    mask = torch.tensor([site in kept for site in sites], dtype=torch.bool, device=device)
    y = check_layer(lambda f: F.prune(x.replace(f), mask), (x.features,), {s: sites[s] for s in kept})
    assert y.batch_size == x.batch_size and y.stride == stride

    other = voxels.tensor(stride, 1, device, second=True).coord_map
    zeros = np.zeros(channels)
    expected = {site: sites.get(site, zeros) for site in voxels.sites(stride, second=True)}
    check_layer(lambda f: F.take(x.replace(f), other), (x.features,), expected)


@proven(voxels=voxels, stride=strides, channels=channels, repeats=st.integers(1, 3))
def test_union(voxels: Voxels, stride: Site, channels: int, repeats: int, device) -> None:
    one = voxels.tensor(stride, channels, device)
    tensors = [one, voxels.tensor(stride, channels, device, second=True), one][:repeats]
    expected = oracle.union([oracle.as_sites(x.coords, x.features) for x in tensors])

    def call(*features: Tensor) -> SparseTensor:
        return F.union_add(*(x.replace(f) for x, f in zip(tensors, features, strict=True)))

    y = call(*(x.features for x in tensors))
    check(y, expected)
    assert y.batch_size == max(x.batch_size for x in tensors)
    leaves = tuple(x.features for x in tensors)
    check_adjoint(lambda joined: call(*joined.split([len(f) for f in leaves])).features, (torch.cat(leaves),))


@proven(voxels=voxels, layer=layers)
def test_target_and_unpool(voxels: Voxels, layer: Layer, device) -> None:
    """Truth, or the set to unpool to, at the finer stride; candidates, or what is unpooled, at the other."""
    fine = voxels.tensor(layer.stride, 1, device).coord_map
    x = voxels.tensor(layer.coarse, layer.channels[0], device, second=True)
    sites = oracle.as_sites(x.coords, x.features)
    parents = {site: oracle.coarse_set({site}, layer.coarse).pop() for site in voxels.sites(layer.stride)}

    def call() -> SparseTensor:
        mask = F.target_mask(x.coord_map, fine)
        return x.replace(mask[:, None].double())

    if y := answer(call, parents.values()):
        check(y, {site: np.array([float(site in parents.values())]) for site in sites})
        zeros = np.zeros(layer.channels[0])
        expected = {site: sites.get(parent, zeros) for site, parent in parents.items()}
        check_layer(lambda f: F.unpool(x.replace(f), fine), (x.features,), expected)


@proven(voxels=voxels, stride=strides, channels=channels, renormalise=st.booleans())
def test_interpolation(voxels: Voxels, stride: Site, channels: int, renormalise: bool, device) -> None:
    x = voxels.tensor(stride, channels, device)
    sites = oracle.as_sites(x.coords, x.features)
    points = points_near(list(sites), stride, voxels.seed)
    tensor = torch.from_numpy(points).to(device)
    y = F.interpolate(x, tensor, renormalise)
    expected = [oracle.interpolated(sites, tuple(p), stride, channels, renormalise) for p in points]
    assert_near(y, torch.from_numpy(np.stack(expected)))
    check_adjoint(lambda f: F.interpolate(x.replace(f), tensor, renormalise), (x.features,))


def points_near(sites: list[Site], stride: Site, seed: int) -> np.ndarray:
    """float64 [P, 4] at voxels, up to one cell beside them, in other batch items and beyond the range."""
    random = np.random.default_rng(seed)
    at = np.array([*sites, (0, 0, 0, 0)], dtype=float)
    beside = at + random.uniform(-1, 1, at.shape) * [0, *stride]
    other = np.add(beside, [1, 0, 0, 0])
    beyond = at + random.choice([-1, 1], at.shape) * [0, 70000, 70000, 70000]
    return np.concatenate([at, beside, other, beyond])


@proven(voxels=voxels, stride=strides, channels=channels)
def test_dense_grid_and_back(voxels: Voxels, stride: Site, channels: int, device) -> None:
    x = voxels.tensor(stride, channels, device)
    sites = oracle.as_sites(x.coords, x.features)
    axes = list(zip(*sites, strict=True))[1:] or [(0,)] * 3
    origin = [min(axis) for axis in axes]
    shape = [(max(axis) - o) // t + 1 for axis, o, t in zip(axes, origin, stride, strict=True)]
    grid = x.dense(origin, shape)
    assert grid.shape == (x.batch_size, channels, *shape)
    cells = {
        (site[0], *((c - o) // t for c, o, t in zip(site[1:], origin, stride, strict=True))): value
        for site, value in sites.items()
    }
    assert {cell: grid[cell[0], :, *cell[1:]].tolist() for cell in cells} == {
        cell: value.tolist() for cell, value in cells.items()
    }
    assert Counter((grid != 0).any(dim=1).flatten().tolist())[True] == len(sites)
    mask = (grid != 0).any(dim=1)
    check(from_dense(grid, origin, stride, mask), sites)
    check_adjoint(lambda f: x.replace(f).dense(origin, shape), (x.features,))
    check_adjoint(lambda g: from_dense(g, origin, stride, mask).features, (grid,))
