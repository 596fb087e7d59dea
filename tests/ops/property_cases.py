"""What the property tests draw: voxels, kernels, strides, phases, values; and counts the cases that ran.

The number of cases is the hypothesis profile's (tests/conftest.py); the seed is pytest's --hypothesis-seed.
"""

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ops import dense_oracle as oracle
from tests.ops.dense_oracle import Site
from torch import Tensor

from completion.sparse import SparseTensor

LOW, HIGH = -32768, 32767
SPAN = 6  # cells of the lattice per axis
COMPLETED: Counter[str] = Counter()  # cases that ran to their end, by test
REFUSED: Counter[str] = Counter()  # refusals of a value beyond the range, by the sentence's first word


def proven(**strategies: st.SearchStrategy) -> Callable[[Callable], Callable]:
    """Hypothesis' `given` that counts the cases; a fixture's value is the same for all of them."""

    def decorate(test: Callable) -> Callable:
        @functools.wraps(test)
        def counted(*arguments: object, **drawn: object) -> None:
            test(*arguments, **drawn)
            COMPLETED[test.__name__] += 1

        same_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
        return same_fixture(given(**strategies)(counted))

    return decorate


@dataclass(frozen=True)
class Voxels:
    """Sets of lattice cells near one place: around the origin, or at an end of the range on any axis.

    Attributes:
        corner: "middle", "lowest" or "highest" per axis.
        first, second: cells (batch, i, j, k), i, j, k in 0…SPAN - 1.
        empty_items: batch items after the last that holds a voxel.
        seed: of the features.
    """

    corner: tuple[str, ...]
    first: list[Site]
    second: list[Site]
    empty_items: int
    seed: int

    def sites(self, stride: Site, second: bool = False) -> list[Site]:
        """The cells as sites on the lattice of the stride, in the order drawn."""
        starts = [self._start(end, t) for end, t in zip(self.corner, stride, strict=True)]
        return [
            (b, *(o + c * t for o, c, t in zip(starts, cell, stride, strict=True)))
            for b, *cell in (self.second if second else self.first)
        ]

    def tensor(self, stride: Site, channels: int, device: torch.device, second: bool = False) -> SparseTensor:
        """Normal float64 features on one of the sets."""
        sites = self.sites(stride, second)
        coords = torch.tensor(sites, dtype=torch.int32).view(-1, 4)
        batch_size = max((site[0] + 1 for site in sites), default=0) + self.empty_items
        features = normal(self.seed + second, (len(sites), channels), device)
        return SparseTensor.from_coords(features, coords.to(device), stride, batch_size)

    @staticmethod
    def _start(end: str, t: int) -> int:
        lowest, highest = -(-LOW // t) * t, HIGH // t * t
        return {"middle": -(SPAN // 2) * t, "lowest": lowest, "highest": highest - (SPAN - 1) * t}[end]


@dataclass(frozen=True)
class Layer:
    """Numbers of a layer; `stride` is that of its finer set."""

    size: Site
    factor: Site
    dilation: Site
    phase: str
    stride: Site
    channels: tuple[int, int]
    seed: int

    @property
    def coarse(self) -> Site:
        """Stride of the coarser set."""
        return tuple(t * s for t, s in zip(self.stride, self.factor, strict=True))

    @property
    def offsets(self) -> list[Site]:
        """The oracle's kernel."""
        return oracle.offsets(self.size, self.dilation, self.stride, self.phase)

    def weight(self, device: torch.device) -> Tensor:
        """float64 [K, Cin, Cout]."""
        return normal(self.seed, (int(np.prod(self.size)), *self.channels), device)


def normal(seed: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Normal values, float64."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(device)


def per_axis(low: int, high: int) -> st.SearchStrategy[Site]:
    """A number for each axis."""
    return st.tuples(*[st.integers(low, high)] * 3)


def cube(low: int, high: int) -> st.SearchStrategy[Site]:
    """One number for all axes."""
    return st.integers(low, high).map(lambda number: (number,) * 3)


cells = st.tuples(st.integers(0, 2), *[st.integers(0, SPAN - 1)] * 3)
unique_cells = st.lists(cells, unique=True, max_size=14)
repeated_cells = st.lists(cells, max_size=14)
corners = st.tuples(*[st.sampled_from(["middle", "middle", "middle", "lowest", "highest"])] * 3)
seeds = st.integers(0, 2**31)
voxels = st.builds(Voxels, corners, unique_cells, unique_cells, st.integers(0, 2), seeds)
repeated_voxels = st.builds(Voxels, corners, repeated_cells, repeated_cells, st.integers(0, 2), seeds)
any_layer = st.builds(
    Layer,
    size=st.one_of(per_axis(1, 3), per_axis(1, 4), per_axis(1, 7)),  # K ≤ 343; most have few offsets
    factor=per_axis(1, 4),
    dilation=per_axis(1, 2),
    phase=st.sampled_from(["corner", "centered"]),
    stride=per_axis(1, 3),
    channels=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=seeds,
)
# Rare among them, and with code of their own: stride 1, one number on all axes, a kernel that fills the cell.
one_set = st.builds(replace, any_layer, factor=st.just((1, 1, 1)))
cubic = st.builds(replace, any_layer, size=cube(1, 4), factor=cube(1, 4), stride=cube(1, 4))
filling = cubic.map(lambda layer: replace(layer, size=layer.factor))
layers = st.one_of(any_layer, one_set, cubic, filling)
