"""Pooling on random voxels and windows against the oracle, with gradients."""

from dataclasses import replace

import numpy as np
import torch
from hypothesis import strategies as st
from tests.ops import dense_oracle as oracle
from tests.ops.dense_oracle import Site, Sites
from tests.ops.property_cases import Layer, Voxels, layers, normal, proven, voxels
from tests.ops.property_checks import answer, check, check_adjoint, check_layer
from tests.tolerances import assert_near
from torch import Tensor

from completion.nn import functional as F
from completion.sparse import SparseTensor


def window_of(layer: Layer) -> list[Site]:
    """The convolution's window without dilation, but the floor cell where kernel and stride are equal."""
    if layer.size == layer.factor:
        return oracle.cell(layer.factor, layer.stride)
    return oracle.offsets(layer.size, (1, 1, 1), layer.stride)


windows = st.one_of(layers, layers.map(lambda layer: replace(layer, size=layer.factor)))


@proven(voxels=voxels, layer=windows, kind=st.sampled_from(["sum", "mean", "mean of all"]))
def test_sum_and_average(voxels: Voxels, layer: Layer, kind: str, device) -> None:
    x = voxels.tensor(layer.stride, layer.channels[0], device)
    sites, window = oracle.as_sites(x.coords, x.features), window_of(layer)
    targets = oracle.coarse_set(set(sites), layer.coarse)

    def call(features: Tensor) -> SparseTensor:
        if kind == "sum":
            return F.sum_pool(x.replace(features), layer.size, layer.factor)
        return F.avg_pool(x.replace(features), layer.size, layer.factor, count_absent=kind == "mean of all")

    if answer(lambda: call(x.features), targets):
        reduce = {"sum": sum_of, "mean": lambda v: v.mean(0), "mean of all": lambda v: v.sum(0) / len(window)}
        expected = oracle.pool(sites, targets, window, reduce[kind], x.num_channels)
        y = check_layer(call, (x.features,), expected)
        assert y.coord_map is x.coord_map.strided(layer.factor)


def sum_of(values: np.ndarray) -> np.ndarray:
    return values.sum(0)


@proven(voxels=voxels, layer=windows, shift=st.sampled_from([-10.0, 0.0]))
def test_maximum(voxels: Voxels, layer: Layer, shift: float, device) -> None:
    """Also of negative values; the gradient goes to the row of the maximum alone."""
    x = voxels.tensor(layer.stride, layer.channels[0], device)
    x = x.replace((x.features + shift).requires_grad_())
    sites, window = oracle.as_sites(x.coords, x.features), window_of(layer)
    targets = oracle.coarse_set(set(sites), layer.coarse)
    y = answer(lambda: F.max_pool(x, layer.size, layer.factor), targets)
    if y is None:
        return
    check(y, oracle.pool(sites, targets, window, lambda v: v.max(0), x.num_channels))
    g = normal(1, tuple(y.features.shape), device)
    (gradient,) = torch.autograd.grad(y.features, x.features, g)
    check(x.replace(gradient), gradient_of_maximum(sites, oracle.as_sites(y.coords, g), window))


def gradient_of_maximum(x: Sites, grad: Sites, window: list[Site]) -> Sites:
    """Each target's gradient, added to the site of the largest value under its window."""
    result = {site: np.zeros_like(value) for site, value in x.items()}
    for target, g in grad.items():
        under = [site for site in (oracle.shifted(target, o) for o in window) if site in x]
        for channel in range(len(g)) if under else ():
            result[max(under, key=lambda site: x[site][channel])][channel] += g[channel]
    return result


@proven(voxels=voxels, channels=st.integers(1, 5), kind=st.sampled_from(["sum", "avg", "max"]))
def test_global(voxels: Voxels, channels: int, kind: str, device) -> None:
    x = voxels.tensor((1, 1, 1), channels, device)
    x = x.replace(x.features - 10)
    pool = {"sum": F.global_sum_pool, "avg": F.global_avg_pool, "max": F.global_max_pool}[kind]
    reduce = {"sum": sum_of, "avg": lambda v: v.mean(0), "max": lambda v: v.max(0)}[kind]
    values, batch = x.features.cpu().numpy(), x.coords[:, 0].cpu().numpy()
    items = [values[batch == item] for item in range(x.batch_size)]
    expected = [reduce(item) if len(item) else np.zeros(channels) for item in items]
    y = pool(x)
    assert y.shape == (x.batch_size, channels)
    if expected:
        assert_near(y, torch.from_numpy(np.stack(expected)))
    if kind != "max":
        check_adjoint(lambda features: pool(x.replace(features)), (x.features,))


@proven(voxels=voxels, channels=st.integers(1, 5))
def test_broadcast(voxels: Voxels, channels: int, device) -> None:
    x = voxels.tensor((1, 1, 1), channels, device)
    per_item = normal(3, (x.batch_size, channels), device)
    y = F.broadcast_add(x, per_item)
    assert torch.equal(y.features, x.features + per_item[x.coords[:, 0].long()])
    zeros = x.replace(torch.zeros_like(x.features))
    check_adjoint(lambda values: F.broadcast_add(zeros, values).features, (per_item,))
