"""The cell of a dense grid that each voxel lies in."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.reference.coords import decode


def grid_cells(keys: Tensor, origin: Sequence[int], step: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Flat cell of each key in a grid, -1 outside it.

    Args:
        keys: int64 [N].
        origin: x, y, z of cell (0, 0, 0).
        step: voxels of a cell on each axis.
        shape: B, X, Y, Z.

    Returns:
        int32 [N].
    """
    cells = []
    for batch, *space in decode(keys).tolist():
        index = [batch, *((c - low) // size for c, low, size in zip(space, origin, step, strict=True))]
        inside = all(0 <= i < size for i, size in zip(index, shape, strict=True))
        b, x, y, z = index
        cells.append(((b * shape[1] + x) * shape[2] + y) * shape[3] + z if inside else -1)
    return torch.tensor(cells, dtype=torch.int32, device=keys.device)
