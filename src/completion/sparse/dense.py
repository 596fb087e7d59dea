"""Between sets of voxels and dense grids of explicit origin and shape; cells are the set's stride wide."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion import ops
from completion.ops.checks import FEATURE_DTYPES, MAX_ROWS, check_count, check_tensor, check_type
from completion.ops.coords import check_range
from completion.sparse.checks import three_integers
from completion.sparse.coord_map import CoordMap
from completion.sparse.derive import eager
from completion.sparse.row_links import invert_rows
from completion.sparse.strides import triple


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
def grid_coord_map(
    batch_size: int,
    origin: Sequence[int],
    shape: Sequence[int],
    stride: int | Sequence[int],
    mask: Tensor | None = None,
    device: torch.device | str = "cpu",
) -> CoordMap:
    """Set of all cells of a grid, or of those where mask, bool [B, X, Y, Z], is true."""
    check_count("grid_coord_map", "batch_size", batch_size)
    x, y, z = three_integers("grid_coord_map", "shape", shape, least=0)
    if mask is None:
        mask = torch.ones(batch_size, x, y, z, dtype=torch.bool, device=device)
    check_tensor("grid_coord_map", "mask", mask, (torch.bool,), f"{batch_size}, {x}, {y}, {z}")
    cells = mask.nonzero()
    step = torch.tensor(triple("grid_coord_map", "stride", stride), device=cells.device)
    low = torch.tensor(three_integers("grid_coord_map", "origin", origin), device=cells.device)
    space = cells[:, 1:] * step + low
    coords = torch.cat([cells[:, :1], space], dim=1)
    check_range("grid_coord_map", coords)
    return CoordMap.from_coords(coords.int(), stride, batch_size)


@eager
def _cell_rows(coord_map: CoordMap, origin: Sequence[int], shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Row of each grid cell or -1, and cell of each row, both int32; refuses voxels outside the grid."""
    shape = three_integers("dense", "shape", shape, least=0)
    cells, inside = _cells(coord_map, origin, (coord_map.batch_size, *shape))
    num_outside = coord_map.num_rows - int(inside.sum())
    if num_outside:
        raise ValueError(
            f"dense: shape must hold every voxel, got {num_outside} of {coord_map.num_rows} outside "
            f"origin {tuple(origin)} and shape {tuple(shape)}; enlarge it or drop them with CoordMap.boxed"
        )
    num_cells = coord_map.batch_size * shape[0] * shape[1] * shape[2]
    if num_cells > MAX_ROWS:
        raise ValueError(
            f"dense: shape must give at most {MAX_ROWS} cells, got {tuple(shape)} for {coord_map.batch_size} "
            "items; take a part of the grid or a coarser set"
        )
    return invert_rows(cells.int(), num_cells), cells.int()


@eager
def _voxel_cells(coord_map: CoordMap, origin: Sequence[int], shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Cell of each row, -1 outside the grid [B, X, Y, Z], and the way back, both int32."""
    cells, inside = _cells(coord_map, origin, shape)
    rows = torch.where(inside, cells, -1).int()
    return rows, invert_rows(rows, shape[0] * shape[1] * shape[2] * shape[3])


def _cells(coord_map: CoordMap, origin: Sequence[int], shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Flat cell index int64 [N] of each voxel in a grid [B, X, Y, Z], and bool [N] whether it lies inside."""
    origin = three_integers("dense", "origin", origin)
    if any(o % t for o, t in zip(origin, coord_map.stride, strict=True)):
        raise ValueError(
            f"dense: origin must be a multiple of the stride {coord_map.stride}, got {tuple(origin)}; "
            "place the grid on the lattice of the set"
        )
    device = coord_map.device
    coords = coord_map.coords.long()
    low, step = torch.tensor([0, *origin], device=device), torch.tensor([1, *coord_map.stride], device=device)
    index = torch.div(coords - low, step, rounding_mode="floor")
    inside = ((index >= 0) & (index < torch.tensor(list(shape), device=device))).all(dim=1)
    b, x, y, z = index.unbind(dim=1)
    return ((b * shape[1] + x) * shape[2] + y) * shape[3] + z, inside
