"""Points in grid units → occupied voxels of the box; knows no frame and no mesh."""

import numpy as np

from completion.data.arrays import FloatArray, IntArray

_DENSE_LIMIT = 256  # voxels per side up to which a dense bit table (16 MiB) is quicker than sorting


def voxelise(points_grid: FloatArray, resolution: int) -> tuple[IntArray, int]:
    """Returns the voxels that hold a point, and how many voxels outside the box do.

    Voxel i covers [i, i + 1); a point exactly on the upper bound `resolution` is outside, and so is NaN.

    Args:
        points_grid: float[N, 3], grid units; N = 0 is legal.
        resolution: voxels per side of the box [0, resolution)³.

    Returns:
        (coords, num_outside): int32[M, 3] unique, sorted by x, y, z; the number of voxels outside.
    """
    cells = np.floor(np.asarray(points_grid).reshape(-1, 3))
    num_outside = 0
    # The usual case is that all are inside, and two passes over the flat array tell.
    if cells.size and not (cells.min() >= 0 and cells.max() < resolution):
        inside = ((cells >= 0) & (cells < resolution)).all(axis=1)
        num_outside = len(_unique_rows(cells[~inside]))
        cells = cells[inside]
    cells = cells.astype(np.int64)
    keys = (cells[:, 0] * resolution + cells[:, 1]) * resolution + cells[:, 2]
    if resolution <= _DENSE_LIMIT:
        occupied = np.zeros(resolution**3, dtype=bool)
        occupied[keys] = True
        keys = np.flatnonzero(occupied)
    else:
        keys = np.unique(keys)
    rest, z = np.divmod(keys, resolution)
    x, y = np.divmod(rest, resolution)
    return np.stack([x, y, z], axis=1).astype(np.int32), num_outside


def _unique_rows(rows: FloatArray) -> FloatArray:
    """Returns the distinct rows [N, 3], sorted; quicker than numpy's unique over an axis."""
    order = rows[np.lexsort(rows.T)]
    return order[np.concatenate([[True], (order[1:] != order[:-1]).any(axis=1)])]
