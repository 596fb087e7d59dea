"""Sparse tensor of a dense grid; apart from dense.py, which SparseTensor itself uses."""

from collections.abc import Sequence

from torch import Tensor

from completion.sparse.dense import grid_coord_map, grid_rows
from completion.sparse.sparse_tensor import SparseTensor


def from_dense(
    grid: Tensor, origin: Sequence[int], stride: int | Sequence[int], mask: Tensor | None = None
) -> SparseTensor:
    """Voxels and features of the cells of a grid; differentiable in grid.

    Args:
        grid: [B, C, X, Y, Z].
        origin: coordinate of cell (0, 0, 0), in finest voxels, a multiple of the stride; may be negative.
        stride: of the set, finest voxels per cell.
        mask: bool [B, X, Y, Z], the cells to keep; all of them without it.

    Raises:
        ValueError: the grid is not five-dimensional or the mask does not fit it.
    """
    if grid.ndim != 5:
        raise ValueError(
            f"from_dense: grid must be [B, C, X, Y, Z], got {list(grid.shape)}; add the missing axes"
        )
    batch_size, _, *shape = grid.shape
    if mask is not None and list(mask.shape) != [batch_size, *shape]:
        raise ValueError(
            f"from_dense: mask must be {[batch_size, *shape]}, got {list(mask.shape)}; give one bool per cell"
        )
    coord_map = grid_coord_map(batch_size, origin, shape, stride, mask, grid.device)
    return SparseTensor(grid_rows(grid, coord_map, origin), coord_map)
