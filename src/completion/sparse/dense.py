"""Between sets of voxels and dense grids of explicit origin and shape; cells are the set's stride wide."""

from collections.abc import Sequence
from math import prod

from torch import Tensor

from completion import ops
from completion.ops.checks import FEATURE_DTYPES, MAX_ROWS, check_tensor, check_type
from completion.sparse.checks import three_integers
from completion.sparse.coord_map import CoordMap
from completion.sparse.derive import eager
from completion.sparse.grid_coord_map import lattice_point
from completion.sparse.row_links import invert_rows


def dense_grid(features: Tensor, coord_map: CoordMap, origin: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Grid [B, C, X, Y, Z] of the features, zero where no voxel is; differentiable in features.

    Args:
        features: [N, C].
        coord_map: their voxels; all must lie in the grid.
        origin: coordinate of cell (0, 0, 0) in finest voxels, a multiple of the stride; may be negative.
        shape: number of cells X, Y, Z.

    Raises:
        ValueError: the origin is off the lattice, or voxels lie outside the grid. Syncs for that check.
    """
    check_type("dense", "coord_map", coord_map, CoordMap, "make one with CoordMap.from_coords")
    rows, cells = _cell_rows(coord_map, origin, shape)
    grid = ops.take_rows(features, rows, cells)
    grid = grid.view(coord_map.batch_size, shape[0], shape[1], shape[2], features.shape[1])
    return grid.permute(0, 4, 1, 2, 3)


def grid_rows(grid: Tensor, coord_map: CoordMap, origin: Sequence[int]) -> Tensor:
    """Features [N, C] of a grid [B, C, X, Y, Z] at a set's voxels, zero outside; differentiable in grid."""
    check_tensor("grid_rows", "grid", grid, FEATURE_DTYPES, "B, C, X, Y, Z")
    check_type("grid_rows", "coord_map", coord_map, CoordMap, "make one with CoordMap.from_coords")
    cells, voxels = _voxel_cells(coord_map, origin, (grid.shape[0], *grid.shape[2:]))
    values = grid.permute(0, 2, 3, 4, 1).reshape(-1, grid.shape[1])
    return ops.take_rows(values, cells, voxels)


@eager
def _cell_rows(coord_map: CoordMap, origin: Sequence[int], shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Row of each grid cell or -1, and cell of each row, both int32; refuses voxels outside the grid."""
    sizes = coord_map.batch_size, *three_integers("dense", "shape", shape, least=0)
    low = lattice_point("dense", origin, coord_map.stride)
    if prod(sizes) > MAX_ROWS:
        raise ValueError(
            f"dense: shape must give at most {MAX_ROWS} cells, got {tuple(shape)} for {coord_map.batch_size} "
            "items; take a part of the grid or a coarser set"
        )
    cells = ops.grid_cells(coord_map.keys, low, coord_map.stride, sizes)
    num_outside = int((cells < 0).sum())
    if num_outside:
        raise ValueError(
            f"dense: shape must hold every voxel, got {num_outside} of {coord_map.num_rows} outside "
            f"origin {tuple(origin)} and shape {tuple(shape)}; enlarge it or drop them with CoordMap.boxed"
        )
    return invert_rows(cells, prod(sizes)), cells


@eager
def _voxel_cells(coord_map: CoordMap, origin: Sequence[int], shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Cell of each row, -1 outside the grid [B, X, Y, Z], and the way back, both int32."""
    cells = ops.grid_cells(
        coord_map.keys, lattice_point("grid_rows", origin, coord_map.stride), coord_map.stride, shape
    )
    return cells, invert_rows(cells, prod(shape))
