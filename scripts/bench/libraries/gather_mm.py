"""Plain torch: sorted keys, one look-up per offset, then gather → product → scatter-add per offset."""

from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from bench.inputs import Surfaces
from bench.operands import operands
from bench.timing import Run

Pairs = list[tuple[Tensor, Tensor]]  # source rows and target rows of each offset


class Convolution(torch.autograd.Function):
    """Sum over the offsets of gathered rows times the offset's weight."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, pairs: Pairs, rows: int) -> Tensor:
        ctx.save_for_backward(features, weight)
        ctx.pairs = pairs
        out = features.new_zeros(rows, weight.shape[2])
        for k, (source, target) in enumerate(pairs):
            out.index_add_(0, target, features.index_select(0, source) @ weight[k])
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple:
        features, weight = ctx.saved_tensors
        grad_features, grad_weight = torch.zeros_like(features), torch.empty_like(weight)
        for k, (source, target) in enumerate(ctx.pairs):
            gathered = grad.index_select(0, target)
            grad_features.index_add_(0, source, gathered @ weight[k].t())
            grad_weight[k] = features.index_select(0, source).t() @ gathered
        return grad_features, grad_weight, None, None


def packed(coords: Tensor) -> Tensor:
    """int64 key of each coordinate, 12 bits an axis."""
    b, x, y, z = (coords.long() + torch.tensor([0, 1024, 1024, 1024], device=coords.device)).unbind(1)
    return ((b * 4096 + x) * 4096 + y) * 4096 + z


def offset_keys(size: int, centred: bool, stride: int = 1) -> list[int]:
    """What each offset adds to a key, first axis fastest."""
    first = size // 2 if centred else 0
    return [
        ((x - first) * 4096 * 4096 + (y - first) * 4096 + (z - first)) * stride
        for z, y, x in product(range(size), repeat=3)
    ]


def neighbours(source: Tensor, target: Tensor, offsets: list[int]) -> Pairs:
    """Pairs with `source key = target key + offset`."""
    ordered, order = torch.sort(source)
    pairs = []
    for offset in offsets:
        wanted = target + offset
        at = torch.searchsorted(ordered, wanted).clamp_(max=len(ordered) - 1)
        hit = (ordered[at] == wanted).nonzero()[:, 0]
        pairs.append((order[at[hit]], hit))
    return pairs


def map3(data: Surfaces) -> Run:
    """Pairs of a 3³ kernel from unsorted coordinates."""
    offsets = offset_keys(3, centred=True)

    def run() -> Pairs:
        keys = packed(data.coords)
        return neighbours(keys, keys, offsets)

    return run


def subm3(data: Surfaces, channels: int, dtype: torch.dtype, backward: bool, cold: bool) -> Run:
    """Sub-manifold 3³ convolution."""
    rows = len(data.coords)
    features, weight, grad = operands(rows, channels, channels, 27, dtype, data.device)
    make = map3(data)
    cached = make()

    def run() -> object:
        out = Convolution.apply(features, weight, make() if cold else cached, rows)
        return torch.autograd.grad(out, (features, weight), grad) if backward else out

    return run


def norm(data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    """torch's own batch norm and ELU in training, forward and backward."""
    return _normalised(nn.Sequential(nn.BatchNorm1d(channels), nn.ELU()), data, channels, dtype)


def layer_norm(data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    """torch's own layer norm, forward and backward."""
    return _normalised(nn.LayerNorm(channels), data, channels, dtype)


def _normalised(layer: nn.Module, data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    features, _, grad = operands(len(data.coords), channels, channels, 1, dtype, data.device)
    layer.to(data.device)
    leaves = (features, *layer.parameters())
    return lambda: torch.autograd.grad(layer(features), leaves, grad)


def down_up(data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    """k2 s2 down to twice the channels and generative k2 s2 up again, cold, forward and backward."""
    features, down, _ = operands(len(data.coords), channels, 2 * channels, 8, dtype, data.device)
    _, up, _ = operands(1, 2 * channels, channels, 8, dtype, data.device)
    offsets = offset_keys(2, centred=False)

    def run() -> object:
        coords = data.coords.long()
        coarse = torch.unique(packed(torch.cat([coords[:, :1], coords[:, 1:] // 2 * 2], dim=1)))
        pairs = neighbours(packed(coords), coarse, offsets)
        y = Convolution.apply(features, down, pairs, len(coarse))
        z = _grow(y, up, coarse, offsets)
        return torch.autograd.grad(z.sum(), (features, down, up))

    return run


def generative(data: Surfaces, size: int, channels: int, dtype: torch.dtype) -> Run:
    """Overlapping generative convolution size³ s2 from the surfaces' stride-2 cells, forward and backward."""
    parents = stride_2_cells(data)
    parents = parents[torch.randperm(len(parents), device=data.device)]
    features, weight, _ = operands(len(parents), channels, channels, size**3, dtype, data.device)
    offsets = offset_keys(size, centred=size % 2 == 1)

    def run() -> object:
        out = _grow(features, weight, packed(parents), offsets)
        return torch.autograd.grad(out.sum(), (features, weight))

    return run


def grown(data: Surfaces, size: int, channels: int, dtype: torch.dtype, backward: bool = True) -> Run:
    """Generative convolution size³ s2 from the stride-2 cells, the set and pairs fresh."""
    parents = packed(stride_2_cells(data))
    features, weight, _ = operands(len(parents), channels, channels, size**3, dtype, data.device)
    offsets = offset_keys(size, centred=size % 2 == 1)
    grad = torch.randn_like(_grow(features, weight, parents, offsets))

    def run() -> object:
        out = _grow(features, weight, parents, offsets)
        return torch.autograd.grad(out, (features, weight), grad) if backward else out

    return run


def prune(data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    """Rows and keys of 70 % of a grown level."""
    keys = _grown_keys(data)
    features = torch.randn(len(keys), channels, dtype=dtype, device=data.device)
    mask = torch.rand(len(keys), device=data.device) > 0.3
    return lambda: (keys[mask], features[mask])


def union(data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    """Sum of the surfaces and a grown level pruned to 70 %, on the union of their keys."""
    grown, surface = _grown_keys(data), packed(data.coords)
    grown = grown[torch.rand(len(grown), device=data.device) > 0.3]
    first, second = (
        torch.randn(len(keys), channels, dtype=dtype, device=data.device) for keys in (surface, grown)
    )

    def run() -> Tensor:
        keys, rows = torch.unique(torch.cat([surface, grown]), return_inverse=True)
        out = first.new_zeros(len(keys), channels)
        out.index_add_(0, rows[: len(surface)], first)
        return out.index_add_(0, rows[len(surface) :], second)

    return run


def target(data: Surfaces) -> Run:
    """Which rows of a grown level hold the truth."""
    keys, truth = _grown_keys(data), packed(data.coords)
    return lambda: torch.isin(keys, truth)


def _grow(features: Tensor, weight: Tensor, parents: Tensor, offsets: list[int]) -> Tensor:
    """All sites that the kernel reaches, summed where parents share one."""
    reached = torch.stack([parents + offset for offset in offsets])
    keys, rows = torch.unique(reached, return_inverse=True)
    here = torch.arange(len(parents), device=parents.device)
    return Convolution.apply(features, weight, [(here, row) for row in rows], len(keys))


def stride_2_cells(data: Surfaces) -> Tensor:
    """int64 [M, 4]: the cells of stride 2 that hold voxels."""
    coords = data.coords.long()
    return torch.cat([coords[:, :1], coords[:, 1:] // 2 * 2], dim=1).unique(dim=0)


def _grown_keys(data: Surfaces) -> Tensor:
    return torch.stack(
        [packed(stride_2_cells(data)) + offset for offset in offset_keys(2, centred=False)]
    ).flatten()
