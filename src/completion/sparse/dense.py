"""Between sets of voxels and dense grids of explicit origin and shape; cells are the set's stride wide."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from completion import ops
from completion.ops.checks import FEATURE_DTYPES, MAX_ROWS, check_count, check_tensor, check_type
from completion.ops.coords import check_limits, check_range
from completion.sparse.checks import three_integers
from completion.sparse.coord_map import CoordMap
from completion.sparse.derive import eager
from completion.sparse.row_links import invert_rows
from completion.sparse.strides import Triple, triple


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
    """Set of all cells of a grid, or of those where mask, bool [B, X, Y, Z], is true.

    Syncs: once for its size; with a mask also for what the mask selects and the range of coordinates.
    """
    check_count("grid_coord_map", "batch_size", batch_size)
    sizes = three_integers("grid_coord_map", "shape", shape, least=0)
    step = triple("grid_coord_map", "stride", stride)
    low = _lattice_point("grid_coord_map", origin, step)
    if mask is None:
        coords = _all_cells(batch_size, low, sizes, step, device)
    else:
        check_tensor("grid_coord_map", "mask", mask, (torch.bool,), ", ".join(map(str, (batch_size, *sizes))))
        batch, *axes = mask.nonzero().unbind(dim=1)
        space = [axis * t + o for axis, t, o in zip(axes, step, low, strict=True)]
        coords = torch.stack((batch, *space), dim=1)
        check_range("grid_coord_map", coords)
    keys = torch.ops.completion.encode(coords.int())
    return CoordMap(ops.coordinate_set(keys)[0], step, batch_size)


def _all_cells(
    batch_size: int, low: Sequence[int], shape: Sequence[int], step: Sequence[int], device: torch.device | str
) -> Tensor:
    """int32 [B·X·Y·Z, 4]: coordinates of a grid's cells; their range is checked on the host."""
    spans = [range(batch_size)]
    spans += [range(o, o + t * size, t) for o, t, size in zip(low, step, shape, strict=True)]
    if not all(spans):
        return torch.zeros(0, 4, dtype=torch.int32, device=device)
    first, last = [one[0] for one in spans], [one[-1] for one in spans]
    check_limits("grid_coord_map", torch.tensor([first, last]))
    steps = [min(one.step, 2**16) for one in spans]  # a step beyond the range is that of one cell
    axes = (
        torch.arange(begin, end + 1, step, dtype=torch.int32, device=device)
        for begin, end, step in zip(first, last, steps, strict=True)
    )
    return torch.cartesian_prod(*axes)


@eager
def _cell_rows(coord_map: CoordMap, origin: Sequence[int], shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Row of each grid cell or -1, and cell of each row, both int32; refuses voxels outside the grid."""
    sizes = coord_map.batch_size, *three_integers("dense", "shape", shape, least=0)
    low = _lattice_point("dense", origin, coord_map.stride)
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
        coord_map.keys, _lattice_point("grid_rows", origin, coord_map.stride), coord_map.stride, shape
    )
    return cells, invert_rows(cells, prod(shape))


def _lattice_point(function: str, origin: Sequence[int], stride: Sequence[int]) -> Triple:
    """The origin of a grid, which must lie on the lattice of the set."""
    origin = three_integers(function, "origin", origin)
    if any(o % t for o, t in zip(origin, stride, strict=True)):
        raise ValueError(
            f"{function}: origin must be a multiple of the stride {tuple(stride)}, got {tuple(origin)}; "
            "place the grid on the lattice of the set"
        )
    return origin
