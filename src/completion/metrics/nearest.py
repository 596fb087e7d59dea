"""Exact nearest neighbours between two clouds: by a grid where they are near, by comparing all pairs where
not.

Owns the search; what the distances mean is in point_distance.py.
"""

import numpy as np
import torch
from torch import Tensor

CELLS_PER_EDGE = 32
NUM_GRIDS = 3
"""Cells are doubled this often; farther queries are few, and dense cells would cost more than all pairs."""
NUM_PAIRS = 1 << 21
"""Distances computed at a time: bounds the memory to some 150 MB."""


def nearest_distances(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Distance of each point to its exact nearest neighbour in the other cloud, both ways.

    Args:
        first: float `[N, 3]`, finite.
        second: float `[M, 3]`, finite, same unit.

    Returns:
        float64 `[N]` and `[M]`, same unit; infinite where the other cloud is empty.
    """
    for name, cloud in (("first", first), ("second", second)):
        if cloud.ndim != 2 or cloud.shape[1] != 3:
            raise ValueError(
                f"nearest_distances: {name} must be [N, 3], got {list(cloud.shape)}; give a row a point"
            )
    if not (first.isfinite().all() and second.isfinite().all()):
        raise ValueError(
            "nearest_distances: points must be finite, got NaN or infinity; drop such rows first"
        )
    one, other = (cloud.detach().cpu().double().numpy() for cloud in (first, second))
    return torch.from_numpy(_one_sided(one, other)), torch.from_numpy(_one_sided(other, one))


def _one_sided(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    """float64 `[N]`: nearest distance of each query; the near by the grid, the far rest by all pairs."""
    nearest = np.full(len(queries), np.inf)
    if len(queries) == 0 or len(references) == 0:
        return nearest
    low = np.minimum(queries.min(0), references.min(0))
    extent = (np.maximum(queries.max(0), references.max(0)) - low).max()
    edge = max(extent / CELLS_PER_EDGE, np.finfo(np.float64).tiny)
    pending = np.arange(len(queries))
    for _ in range(NUM_GRIDS):
        found = _nearest_around(queries[pending] - low, references - low, edge)
        # All that is not in the 27 cells around a query is at least one edge away.
        certain = found <= edge
        nearest[pending[certain]] = found[certain]
        pending = pending[~certain]
        edge *= 2
    nearest[pending] = _pairwise_nearest(queries[pending], references)
    return nearest


def _pairwise_nearest(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    """float64 `[N]`: smallest distance to the references over all pairs, a bounded number at a time."""
    rows = max(1, NUM_PAIRS // len(references))
    parts = torch.from_numpy(queries).split(rows)
    exact = "donot_use_mm_for_euclid_dist"
    other = torch.from_numpy(references)
    return torch.cat([torch.cdist(part, other, compute_mode=exact).amin(1) for part in parts]).numpy()


def _nearest_around(queries: np.ndarray, references: np.ndarray, edge: float) -> np.ndarray:
    """float64 `[N]`: distance to the nearest reference in the 27 cells around each query, or infinite."""
    order, keys = _sorted_cells(references, edge)
    steps = np.arange(-1, 2)
    steps = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    around = _keys(np.floor(queries / edge).astype(np.int64)[:, None] + steps)
    start = np.searchsorted(keys, around, side="left")
    count = np.searchsorted(keys, around, side="right") - start
    found = np.full(len(queries), np.inf)
    num_parts = int(count.sum() // NUM_PAIRS) + 1
    for rows in np.array_split(np.flatnonzero(count.any(1)), num_parts):
        if len(rows):
            found[rows] = _ragged_nearest(queries[rows], references[order], start[rows], count[rows])
    return found


def _ragged_nearest(
    queries: np.ndarray, references: np.ndarray, start: np.ndarray, count: np.ndarray
) -> np.ndarray:
    """float64 `[N]`: smallest distance of query n to the runs of references `start[n, k] … + count[n, k]`."""
    runs = count.ravel()
    first_pair = np.cumsum(runs) - runs
    candidates = np.repeat(start.ravel() - first_pair, runs) + np.arange(runs.sum())
    per_query = count.sum(1)
    offset = np.repeat(queries, per_query, axis=0) - references[candidates]
    squared = np.einsum("ij,ij->i", offset, offset)
    return np.sqrt(np.minimum.reduceat(squared, np.cumsum(per_query) - per_query))


def _sorted_cells(points: np.ndarray, edge: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the points ordered by their cell, and the sorted keys of these cells."""
    keys = _keys(np.floor(points / edge).astype(np.int64))
    order = np.argsort(keys, kind="stable")
    return order, keys[order]


def _keys(cells: np.ndarray) -> np.ndarray:
    """int64 key of each cell `[..., 3]` with coordinates from −1 up to `CELLS_PER_EDGE` + 1."""
    edge = CELLS_PER_EDGE + 3
    cells = cells + 1
    return (cells[..., 0] * edge + cells[..., 1]) * edge + cells[..., 2]
