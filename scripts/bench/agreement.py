"""Whether a layer of ours is right: rows of its result and gradients against float64, before it is timed.

The layer runs on the whole set, so that the kernels are those that are timed; what is compared is a sample.
The reference knows coordinates only as the plain-torch baseline packs them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn import functional as dense

from bench.inputs import Surfaces
from bench.libraries.gather_mm import neighbours, offset_keys, packed
from bench.operands import operands
from completion import nn
from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor, kernel_map

SAMPLE = 4096  # rows of the result and of the features' gradient
KERNELS = 3  # of the weight's gradient


@dataclass(frozen=True)
class Layer:
    """A convolution with what it got and gave, `y[u] = Σ_k x[u + off_k] W_k`.

    Attributes:
        source: key of each row of the features.
        target: key of each row of the result.
        offsets: what each offset adds to a target's key.
        given: features, weight, gradient of the result.
        made: result, gradients of features and weight.
    """

    source: Tensor
    target: Tensor
    offsets: list[int]
    given: tuple[Tensor, Tensor, Tensor]
    made: tuple[Tensor, Tensor, Tensor]

    def errors(self) -> dict[str, float]:
        """Relative error of each part; NaN where it is not finite."""
        features, weight, grad = (part.detach().double() for part in self.given)
        opposite = [-offset for offset in self.offsets]
        out, out_rows = _rows(features, weight, self.source, self.target, self.offsets)
        turned = weight.transpose(1, 2)
        grad_features, rows = _rows(grad, turned, self.target, self.source, opposite)
        some = sorted({0, len(self.offsets) // 2, len(self.offsets) - 1})[:KERNELS]
        pairs = neighbours(self.source, self.target, [self.offsets[k] for k in some])
        grad_weight = torch.stack([features[source].t() @ grad[target] for source, target in pairs])
        return {
            "output": relative(self.made[0][out_rows], out),
            "grad_features": relative(self.made[1][rows], grad_features),
            "grad_weight": relative(self.made[2][some], grad_weight),
        }


def subm3(data: Surfaces, channels: int, dtype: torch.dtype, *_: object) -> Layer:
    """A sub-manifold layer of ours on data in canonical order."""
    given = operands(len(data.coords), channels, channels, 27, dtype, data.device)
    coord_map = CoordMap.from_coords(data.coords, batch_size=data.batch_size)
    out = F.conv(SparseTensor(given[0], coord_map), given[1]).features
    made = (out.detach(), *torch.autograd.grad(out, given[:2], given[2]))
    keys = packed(data.coords)
    return Layer(keys, keys, offset_keys(3, centred=True), given, made)


def grown(data: Surfaces, size: int, channels: int, dtype: torch.dtype, *_: object) -> Layer:
    """A generative layer of ours.

    Raises:
        ValueError: it made other sites than the kernel reaches.
    """
    parents = CoordMap.from_coords(data.coords, batch_size=data.batch_size).strided(2)
    features, weight, _ = operands(parents.num_rows, channels, channels, size**3, dtype, data.device)
    y = F.generative_conv_transpose(SparseTensor(features, parents), weight, None, size, 2)
    grad = torch.randn_like(y.features)
    made = (y.features.detach(), *torch.autograd.grad(y.features, (features, weight), grad))
    source, target = packed(parents.coords), packed(y.coords)
    offsets = offset_keys(size, centred=size % 2 == 1)
    reached = torch.unique(torch.stack([source + offset for offset in offsets]))
    if not torch.equal(reached, target.sort().values):
        raise ValueError(f"generative k{size}: must make {len(reached)} sites, made others: {len(target)}")
    return Layer(source, target, [-offset for offset in offsets], (features, weight, grad), made)


def map3(data: Surfaces) -> dict[str, float]:
    """Share of the entries of our 3³ table that differ."""
    coord_map = CoordMap.from_coords(data.coords, batch_size=data.batch_size)
    table, keys = kernel_map(coord_map, coord_map, 3).table, packed(coord_map.coords)
    wanted = torch.full_like(table, -1)
    for k, (source, target) in enumerate(neighbours(keys, keys, offset_keys(3, centred=True))):
        wanted[target, k] = source.int()
    return {"table": float((table != wanted).double().mean())}


def norm(data: Surfaces, channels: int, dtype: torch.dtype) -> dict[str, float]:
    """Errors of batch norm and ELU."""
    layer = nn.BatchNorm(channels, activation=nn.ELU)

    def exact(wide: Tensor) -> Tensor:
        return dense.elu(dense.batch_norm(wide, None, None, training=True))

    return _normalised(layer, exact, data, channels, dtype)


def layer_norm(data: Surfaces, channels: int, dtype: torch.dtype) -> dict[str, float]:
    """Errors of layer norm."""
    layer = nn.LayerNorm(channels)
    return _normalised(layer, lambda wide: dense.layer_norm(wide, (channels,)), data, channels, dtype)


def _normalised(
    layer: Module, exact: Callable[[Tensor], Tensor], data: Surfaces, channels: int, dtype: torch.dtype
) -> dict[str, float]:
    features, _, grad = operands(len(data.coords), channels, channels, 1, dtype, data.device)
    layer.to(data.device)
    coord_map = CoordMap.from_coords(data.coords, batch_size=data.batch_size)
    out = layer(SparseTensor(features, coord_map)).features
    wide = features.detach().double().requires_grad_()
    wanted = exact(wide)
    (made,) = torch.autograd.grad(out, features, grad)
    (right,) = torch.autograd.grad(wanted, wide, grad.double())
    return {"output": relative(out.detach(), wanted.detach()), "grad_features": relative(made, right)}


CHECKS = {
    "map3": map3,
    "subm3": lambda *arguments: subm3(*arguments).errors(),
    "grown": lambda *arguments: grown(*arguments).errors(),
    "norm": norm,
    "layer_norm": layer_norm,
}
"""By operation: the errors by name, from the data and the arguments of the case."""


def relative(values: Tensor, wanted: Tensor) -> float:
    """Norm of the difference over the norm of what is wanted."""
    return float((values.double() - wanted).norm() / wanted.norm().clamp(min=1e-30))


def _rows(
    features: Tensor, weight: Tensor, source: Tensor, target: Tensor, offsets: list[int]
) -> tuple[Tensor, Tensor]:
    """Some rows of the result, in the features' type, and which they are."""
    count = min(SAMPLE, len(target))
    rows = torch.randperm(len(target), device=target.device)[:count]
    out = features.new_zeros(count, weight.shape[2])
    for k, (here, there) in enumerate(neighbours(source, target[rows], offsets)):
        out.index_add_(0, there, features[here] @ weight[k])
    return out, rows
