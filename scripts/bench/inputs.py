"""Surfaces of spheres, tori and boxes as voxels in random row order: what a completion network meets."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

KINDS = ("sphere", "torus", "box")


class Surfaces(NamedTuple):
    """A batch of voxelised surfaces.

    Attributes:
        name: as in the table.
        coords: int32 [N, 4], batch, x, y, z, each item's rows in random order.
        resolution: R; coordinates lie in 0…R - 1.
        batch_size: items.
    """

    name: str
    coords: Tensor
    resolution: int
    batch_size: int

    @property
    def device(self) -> torch.device:
        """Where the coordinates, and so all operands of a case, live."""
        return self.coords.device

    def to(self, device: torch.device | str) -> "Surfaces":
        """The same voxels on a device."""
        return self._replace(coords=self.coords.to(device))


def surfaces(resolution: int, batch_size: int, seed: int = 0) -> Surfaces:
    """Randomly sized and turned surfaces; the same arguments give the same voxels."""
    random = np.random.default_rng(seed + resolution * 100 + batch_size)
    items = []
    for item in range(batch_size):
        points = surface_points(random, KINDS[item % 3], 40 * resolution**2)
        cells = np.clip(np.floor((points + 0.5) * resolution), 0, resolution - 1).astype(np.int32)
        cells = _unique(cells, resolution)
        cells = cells[random.permutation(len(cells))]
        items.append(np.concatenate([np.full((len(cells), 1), item, np.int32), cells], axis=1))
    coords = torch.from_numpy(np.concatenate(items))
    return Surfaces(f"{resolution}³ × {batch_size}", coords, resolution, batch_size)


def _unique(cells: np.ndarray, resolution: int) -> np.ndarray:
    """The distinct rows in lexicographic order; by one number a row, which sorts many times faster."""
    shape = (resolution,) * 3
    numbers = np.unique(np.ravel_multi_index(tuple(cells.T), shape))
    return np.stack(np.unravel_index(numbers, shape), axis=1).astype(np.int32)


def surface_points(random: np.random.Generator, kind: str, count: int) -> np.ndarray:
    """Points [count, 3] on a surface around the origin, inside ±0.5."""
    if kind == "sphere":
        points = random.standard_normal((count, 3))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        points *= random.uniform(0.30, 0.46)
        return points
    if kind == "torus":
        ring, tube = random.uniform(0.26, 0.32), random.uniform(0.08, 0.14)
        u, v = random.uniform(0, 2 * np.pi, (2, count))
        radius = ring + tube * np.cos(v)
        points = np.stack([radius * np.cos(u), radius * np.sin(u), tube * np.sin(v)], axis=1)
    else:
        half, face = random.uniform(0.15, 0.36, 3), random.integers(0, 6, count)
        points = random.uniform(-1, 1, (count, 3)) * half
        points[np.arange(count), face % 3] = np.where(face < 3, 1, -1) * half[face % 3]
    turn, _ = np.linalg.qr(random.standard_normal((3, 3)))
    return points @ turn.T
