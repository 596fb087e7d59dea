"""This project's engine."""

import torch
from torch import Tensor
from torch.nn import Module

from bench.inputs import Surfaces
from bench.operands import operands
from bench.timing import Run
from completion import nn, ops
from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor, kernel_map


def map3(data: Surfaces) -> Run:
    """Rows and 3³ kernel map from unsorted coordinates."""

    def run() -> Tensor:
        coord_map = CoordMap.from_coords(data.coords, batch_size=data.batch_size)
        return kernel_map(coord_map, coord_map, 3).table

    return run


def subm3(data: Surfaces, channels: int, dtype: torch.dtype, backward: bool, cold: bool) -> Run:
    """Sub-manifold 3³ convolution, its map cached or all made from unsorted coordinates."""
    features, weight, grad = operands(len(data.coords), channels, channels, 27, dtype, data.device)
    coord_map = CoordMap.from_coords(data.coords, batch_size=data.batch_size)

    def run() -> object:
        if cold:
            x = SparseTensor.from_coords(features, data.coords, batch_size=data.batch_size)
        else:
            x = SparseTensor(features, coord_map)
        return _finish(F.conv(x, weight).features, (features, weight), grad, backward)

    return run


def down_up(data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    """k2 s2 down to twice the channels and generative k2 s2 up again, cold, forward and backward."""
    features, down, _ = operands(len(data.coords), channels, 2 * channels, 8, dtype, data.device)
    _, up, _ = operands(1, 2 * channels, channels, 8, dtype, data.device)

    def run() -> object:
        x = SparseTensor.from_coords(features, data.coords, batch_size=data.batch_size)
        y = F.generative_conv_transpose(F.conv(x, down, None, 2, 2), up)
        return torch.autograd.grad(y.features.sum(), (features, down, up))

    return run


def generative(data: Surfaces, size: int, channels: int, dtype: torch.dtype) -> Run:
    """Overlapping generative convolution size³ s2 from the surfaces' stride-2 cells, forward and backward."""
    parents = CoordMap.from_coords(data.coords, batch_size=data.batch_size).strided(2)
    coords = parents.coords[torch.randperm(parents.num_rows, device=data.device)]
    features, weight, _ = operands(len(coords), channels, channels, size**3, dtype, data.device)

    def run() -> object:
        x = SparseTensor.from_coords(features, coords, 2, batch_size=data.batch_size)
        y = F.generative_conv_transpose(x, weight, None, size, 2)
        return torch.autograd.grad(y.features.sum(), (features, weight))

    return run


def grown(data: Surfaces, size: int, channels: int, dtype: torch.dtype, backward: bool = True) -> Run:
    """Generative convolution size³ s2 from the stride-2 cells as a network has them, set and map fresh."""
    parents = CoordMap.from_coords(data.coords, batch_size=data.batch_size).strided(2)
    features, weight, _ = operands(parents.num_rows, channels, channels, size**3, dtype, data.device)

    def forward() -> Tensor:
        x = SparseTensor(features, CoordMap(parents.keys, parents.stride, parents.batch_size))
        return F.generative_conv_transpose(x, weight, None, size, 2).features

    grad = torch.randn_like(forward())
    return lambda: _finish(forward(), (features, weight), grad, backward)


def norm(data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    """Batch norm and ELU in training, forward and backward."""
    return _normalised(nn.BatchNorm(channels, activation=nn.ELU), data, channels, dtype)


def layer_norm(data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    """Layer norm, forward and backward."""
    return _normalised(nn.LayerNorm(channels), data, channels, dtype)


def _normalised(layer: Module, data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    features, _, grad = operands(len(data.coords), channels, channels, 1, dtype, data.device)
    layer.to(data.device)
    coord_map = CoordMap.from_coords(data.coords, batch_size=data.batch_size)
    leaves = (features, *layer.parameters())

    def run() -> object:
        return torch.autograd.grad(layer(SparseTensor(features, coord_map)).features, leaves, grad)

    return run


def prune(data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    """Keeps 70 % of the rows of a grown level."""
    x = _grown(data, channels, dtype)
    mask = torch.rand(x.num_rows, device=data.device) > 0.3
    return lambda: F.prune(x, mask).features


def union(data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    """Sum of the surfaces and a grown level pruned to 70 %, on the union of their sets, from fresh sets."""
    grown = _grown(data, channels, dtype)
    kept = F.prune(grown, torch.rand(grown.num_rows, device=data.device) > 0.3)
    surface = CoordMap.from_coords(data.coords, batch_size=data.batch_size)
    features = torch.randn(surface.num_rows, channels, dtype=dtype, device=data.device)

    def run() -> Tensor:
        first = SparseTensor(features, CoordMap(surface.keys, (1, 1, 1), data.batch_size))
        second = SparseTensor(kept.features, CoordMap(kept.coord_map.keys, (1, 1, 1), data.batch_size))
        return F.union_add(first, second).features

    return run


def target(data: Surfaces) -> Run:
    """Which rows of a grown level hold the truth, from fresh sets."""
    grown = _grown(data, 1, torch.float32).coord_map
    truth = CoordMap.from_coords(data.coords, batch_size=data.batch_size)
    return lambda: ops.lookup(truth.keys, grown.keys) >= 0


def _grown(data: Surfaces, channels: int, dtype: torch.dtype) -> SparseTensor:
    coord_map = CoordMap.from_coords(data.coords, batch_size=data.batch_size).strided(2).generated(2, 2)
    features = torch.randn(coord_map.num_rows, channels, dtype=dtype, device=data.device)
    return SparseTensor(features, coord_map)


def _finish(out: Tensor, leaves: tuple[Tensor, ...], grad: Tensor, backward: bool) -> object:
    return torch.autograd.grad(out, leaves, grad) if backward else out
