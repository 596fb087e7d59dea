"""Outputs and gradients of every function have the same bits for every number of threads and in every run.

The sets have some ten thousand rows: more than any grain below which the work stays on one thread.
"""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from tests.ops.test_determinism import restored_threads  # noqa: F401
from tests.ops.voxel_sets import random_coords
from torch import Tensor

from completion import nn
from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor, from_dense, kernel_map

CHANNELS, BOX = 12, (-24, -24, -24)
Result = SparseTensor | Tensor


def make_normal(seed: int, *shape: int, device: torch.device) -> Tensor:
    """Normal float32 values that collect a gradient."""
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return values.to(device).requires_grad_()


class Inputs:
    """Two overlapping sets of stride 2 on 24³ cells and a fine one below them, with features."""

    def __init__(self, device: torch.device) -> None:
        normal = partial(make_normal, device=device)
        scale = torch.tensor([1, 2, 2, 2], dtype=torch.int32)
        sets = [
            CoordMap.from_coords((random_coords(30_000, -12, 12, seed=s) * scale).to(device), 2, 3, "first")
            for s in (0, 1)
        ]
        self.x, self.y = (self.on(one, seed) for seed, one in enumerate(sets))
        self.finer = CoordMap.from_coords(random_coords(40_000, -24, 24, seed=2).to(device), 1, 3, "first")
        self.z = self.on(self.finer, 2)
        self.same = self.x.replace(normal(3, self.x.num_rows, CHANNELS))
        self.coarse = self.on(self.z.coord_map.strided(2), 4)
        self.weights = {k: normal(k, k**3, CHANNELS, 10) for k in (1, 2, 3, 4)}
        self.bias, self.per_item = normal(5, 10), normal(6, 3, CHANNELS)
        self.scale, self.offset = normal(7, CHANNELS), normal(8, CHANNELS)
        self.points = torch.cat(
            [torch.zeros(20_000, 1, device=device), 20 * normal(9, 20_000, 3).detach()], dim=1
        )
        self.mask = normal(10, self.x.num_rows).detach() > 0
        self.grid = normal(11, 3, CHANNELS, 20, 20, 20)

    @staticmethod
    def on(coord_map: CoordMap, seed: int) -> SparseTensor:
        return SparseTensor(
            make_normal(seed, coord_map.num_rows, CHANNELS, device=coord_map.device), coord_map
        )

    @property
    def leaves(self) -> list[Tensor]:
        sparse = [one.features for one in (self.x, self.y, self.z, self.same, self.coarse)]
        rows = [self.bias, self.per_item, self.scale, self.offset, self.grid]
        return [*sparse, *rows, *self.weights.values()]


FUNCTIONS: dict[str, Callable[[Inputs], Result]] = {
    "conv k1": lambda i: F.conv(i.x, i.weights[1], i.bias, 1),
    "conv k3": lambda i: F.conv(i.x, i.weights[3], i.bias),
    "conv k2 s2": lambda i: F.conv(i.x, i.weights[2], i.bias, 2, 2),
    "conv k3 s2": lambda i: F.conv(i.x, i.weights[3], i.bias, 3, 2),
    "conv onto a set": lambda i: F.conv(i.x, i.weights[3], target=i.y.coord_map),
    "apply_map": lambda i: F.apply_map(
        kernel_map(i.x.coord_map, i.y.coord_map, 3), i.x.features, i.weights[3], i.bias
    ),
    "conv_transpose k2": lambda i: F.conv_transpose(i.coarse, i.weights[2], i.bias, target=i.finer),
    "conv_transpose k3": lambda i: F.conv_transpose(i.coarse, i.weights[3], i.bias, 3, 2, target=i.finer),
    "generative_conv_transpose k2": lambda i: F.generative_conv_transpose(i.x, i.weights[2], i.bias),
    "generative_conv_transpose k3": lambda i: F.generative_conv_transpose(i.x, i.weights[3], i.bias, 3, 2),
    "generative_conv_transpose k4": lambda i: F.generative_conv_transpose(i.x, i.weights[4], i.bias, 4, 2),
    "expanding_conv": lambda i: F.expanding_conv(i.x, i.weights[3], i.bias),
    "sum_pool": lambda i: F.sum_pool(i.x),
    "avg_pool": lambda i: F.avg_pool(i.x, 3, 2),
    "max_pool": lambda i: F.max_pool(i.x, 3, 2),
    "global_sum_pool": lambda i: F.global_sum_pool(i.x),
    "global_avg_pool": lambda i: F.global_avg_pool(i.x),
    "global_max_pool": lambda i: F.global_max_pool(i.x),
    "group_norm": lambda i: F.group_norm(i.x, 3, i.scale, i.offset),
    "interpolate": lambda i: F.interpolate(i.x, i.points),
    "interpolate, renormalised": lambda i: F.interpolate(i.x, i.points, True),
    "union_add": lambda i: F.union_add(i.x, i.y),
    "multiply": lambda i: F.multiply(i.x, i.y, on="union", fill=1.0),
    "multiply, same": lambda i: F.multiply(i.x, i.same),
    "cat": lambda i: F.cat(i.x, i.y, on="intersection"),
    "prune": lambda i: F.prune(i.x, i.mask),
    "take": lambda i: F.take(i.x, i.y.coord_map, 0.5),
    "target_mask": lambda i: F.target_mask(i.x.coord_map, i.finer),
    "unpool": lambda i: F.unpool(i.coarse, i.finer),
    "broadcast_add": lambda i: F.broadcast_add(i.x, i.per_item),
    "broadcast_multiply": lambda i: F.broadcast_multiply(i.x, i.per_item),
    "broadcast_cat": lambda i: F.broadcast_cat(i.x, i.per_item),
    "dense": lambda i: i.x.dense(BOX, (24, 24, 24)),
    "from_dense": lambda i: from_dense(i.grid, BOX, 2, i.grid.detach()[:, 0] > 0),
}


def result(name: str, device: torch.device) -> list[Tensor]:
    """Coordinates and features that a function gives, and every gradient, from sets and links made anew."""
    inputs = Inputs(device)
    out = FUNCTIONS[name](inputs)
    values = out.features if isinstance(out, SparseTensor) else out
    tensors = [values.detach(), *([out.coords] if isinstance(out, SparseTensor) else [])]
    if values.requires_grad:
        values.backward(make_normal(12, *values.shape, device=device).detach())
    return tensors + [leaf.grad for leaf in inputs.leaves if leaf.grad is not None]


def test_every_function_is_in_the_table() -> None:
    names = {name.split(",")[0].split(" ")[0] for name in FUNCTIONS}
    assert names == set(F.__all__) | {"dense", "from_dense"}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.usefixtures("restored_threads")
def test_the_same_bits_for_every_number_of_threads_and_in_every_run(name, device) -> None:
    torch.set_num_threads(1)
    expected = result(name, device)
    for threads in (2, 5, 3, 3):
        torch.set_num_threads(threads)
        for actual, value in zip(result(name, device), expected, strict=True):
            assert actual.dtype == value.dtype and torch.equal(actual, value), f"{threads} threads"


MODULES = {
    "batch norm": lambda: nn.BatchNorm(CHANNELS),
    "batch norm in evaluation": lambda: nn.BatchNorm(CHANNELS).eval(),
    "layer norm": lambda: nn.LayerNorm(CHANNELS),
    "linear": lambda: nn.Linear(CHANNELS, 7),
    "prelu": lambda: nn.PReLU(CHANNELS),
    "residual": lambda: nn.ResidualBlock(CHANNELS, 10),
}


def module_result(name: str, device: torch.device) -> list[Tensor]:
    """Features, buffers and every gradient of a module."""
    torch.manual_seed(0)
    module, x = MODULES[name]().to(device), Inputs(device).x
    out = module(x).features
    out.backward(make_normal(12, *out.shape, device=device).detach())
    return [out.detach(), x.features.grad, *(p.grad for p in module.parameters()), *module.buffers()]


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.usefixtures("restored_threads")
def test_modules_too(name, device) -> None:
    torch.set_num_threads(1)
    expected = module_result(name, device)
    for threads in (2, 5):
        torch.set_num_threads(threads)
        for actual, value in zip(module_result(name, device), expected, strict=True):
            assert torch.equal(actual, value), f"{threads} threads"
