"""Sparse tensor of a dense grid; apart from dense.py, which SparseTensor itself uses."""

from collections.abc import Sequence

from torch import Tensor

from completion.ops.checks import FEATURE_DTYPES, check_tensor, check_values
from completion.sparse.dense import grid_rows
from completion.sparse.grid_coord_map import check_cell_mask, grid_coord_map
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
        TypeError, ValueError: the grid is not five-dimensional, or the mask is not bool or does not fit it.
    """
    check_tensor("from_dense", "grid", grid, FEATURE_DTYPES, "B, C, X, Y, Z")
    check_values("from_dense", "grid", grid)
    batch_size, _, *shape = grid.shape
    if mask is not None:
        check_cell_mask("from_dense", mask, (batch_size, *shape), grid)
    coord_map = grid_coord_map(batch_size, origin, shape, stride, mask, grid.device)
    return SparseTensor(grid_rows(grid, coord_map, origin), coord_map)
