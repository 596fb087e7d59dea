"""Sets of voxels inside the evaluation box as sorted int64 keys: entry, dilation, membership.

Owns the clip to the box and the coarser levels; knows nothing of scores.
"""

import numpy as np
import torch
from torch import Tensor


def voxel_keys(coords: Tensor | np.ndarray, resolution: int, stride: int = 1) -> Tensor:
    """Sorted unique keys of the voxels inside the evaluation box `[0, resolution)³`.

    Args:
        coords: voxels `[N, 3]`, any integer dtype, any order, duplicates allowed; those outside the box are
            ignored.
        resolution: voxels per edge R of the evaluation box.
        stride: edge of a coarse voxel in finest voxels; a coarse voxel is occupied if any of its voxels is.

    Returns:
        int64 `[M]`, key = (x·S + y)·S + z with S = ⌈R / stride⌉ coarse voxels per edge.
    """
    if resolution < 1 or stride < 1:
        raise ValueError(
            f"voxel_keys: resolution and stride must be at least 1, "
            f"got {resolution} and {stride}; pass both in voxels"
        )
    if isinstance(coords, np.ndarray):
        # torch takes no array with negative strides, such as a reversed one.
        coords = torch.from_numpy(np.ascontiguousarray(coords))
    coords = coords.cpu()
    if coords.ndim != 2 or coords.shape[1] != 3 or coords.is_floating_point():
        raise ValueError(
            f"voxel_keys: coords must be integers [N, 3], got {coords.dtype} {list(coords.shape)}; "
            "drop the batch column and pass voxel indices"
        )
    coords = coords.long()
    inside = ((coords >= 0) & (coords < resolution)).all(dim=1)
    x, y, z = coords[inside].div(stride, rounding_mode="floor").unbind(1)
    edge = level_edge(resolution, stride)
    return torch.unique((x * edge + y) * edge + z)


def level_edge(resolution: int, stride: int) -> int:
    """Coarse voxels per edge at a stride: ⌈resolution / stride⌉."""
    return -(-resolution // stride)


def key_coords(keys: Tensor, edge: int) -> Tensor:
    """Voxel coordinates int64 `[N, 3]` of keys `[N]` on a grid of `edge`³ voxels."""
    return torch.stack([keys // (edge * edge), keys // edge % edge, keys % edge], dim=1)


def dilated_keys(keys: Tensor, edge: int) -> Tensor:
    """Keys of all voxels within one voxel (3×3×3 cube) of a set, clipped to the grid of `edge`³ voxels."""
    coords = key_coords(keys, edge)
    for axis in range(3):
        step = torch.zeros(3, dtype=torch.int64)
        step[axis] = 1
        coords = torch.cat([coords, coords - step, coords + step])
    return voxel_keys(coords, edge)


def contains(keys: Tensor, queries: Tensor) -> Tensor:
    """bool `[M]`: which of the queries int64 `[M]` are in the sorted keys int64 `[N]`."""
    if len(keys) == 0:
        return torch.zeros(len(queries), dtype=torch.bool)
    rows = torch.searchsorted(keys, queries).clamp(max=len(keys) - 1)
    return keys[rows] == queries
