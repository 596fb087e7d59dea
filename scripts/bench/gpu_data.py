"""Voxel sets of exact size for a GPU: the first rows of large surfaces, in canonical order or shuffled."""

from functools import lru_cache

import torch

from bench.inputs import Surfaces, surfaces
from completion.sparse import CoordMap

LARGE = 150_000  # rows from which finer surfaces are cut


@lru_cache(maxsize=4)
def in_order(resolution: int, batch_size: int) -> Surfaces:
    """Surfaces on the CPU, in canonical order by the CPU's operators, which the tests hold to the oracle."""
    data = surfaces(resolution, batch_size)
    return data._replace(coords=CoordMap.from_coords(data.coords, batch_size=batch_size).coords)


def voxels(rows: int, shuffled: bool = False) -> Surfaces:
    """So many surface voxels: in canonical order a connected piece of the last item is cut off."""
    resolution, items = (128, 4) if rows < LARGE else (256, 4)
    while len(in_order(resolution, items).coords) < rows:
        items *= 2
    coords = in_order(resolution, items).coords[:rows]
    if shuffled:
        coords = coords[torch.randperm(rows, generator=torch.Generator().manual_seed(0))]
    return Surfaces(f"{rows:,} voxels", coords.contiguous(), resolution, int(coords[:, 0].max()) + 1)


def parents(rows: int) -> Surfaces:
    """So many cells of stride 2 that hold a surface: each by its first corner alone."""
    data = voxels(rows)
    coords = data.coords * torch.tensor([1, 2, 2, 2], dtype=torch.int32)
    return data._replace(name=f"{rows:,} parents", coords=coords, resolution=2 * data.resolution)
