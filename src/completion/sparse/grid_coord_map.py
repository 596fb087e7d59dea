"""The set of a dense grid's cells, all of them or those of a mask; checks their range before it makes it."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from completion import ops
from completion.ops.checks import MAX_ROWS, check_device, check_tensor, check_values
from completion.ops.coords import check_limits, read_limits
from completion.ops.grid_cells import FARTHEST
from completion.sparse.checks import check_batch_size, known_device, three_integers
from completion.sparse.coord_map import CoordMap
from completion.sparse.derive import eager
from completion.sparse.strides import Triple, triple

MAX_KEPT = 2**20  # cells of a grid whose keys are kept, 8 bytes each


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

    Syncs: once for its size, unless it was asked for lately; with a mask also for what the mask selects and
    the range of coordinates.
    """
    check_batch_size("grid_coord_map", batch_size)
    sizes = batch_size, *three_integers("grid_coord_map", "shape", shape, least=0)
    step = triple("grid_coord_map", "stride", stride)
    origin = lattice_point("grid_coord_map", origin, step)
    if mask is None:
        target = known_device("grid_coord_map", device)
        make = _all_keys if prod(sizes) > MAX_KEPT else _kept_keys
        keys = make(sizes, origin, step, target)
    else:
        check_cell_mask("grid_coord_map", mask, sizes)
        keys = _encoded(_selected_cells(mask, origin, step))
    return CoordMap(keys, step, batch_size)


def _all_keys(sizes: Sequence[int], origin: Triple, step: Triple, device: torch.device) -> Tensor:
    return _encoded(_all_cells(sizes, origin, step, device))


_kept_keys = lru_cache(maxsize=8)(_all_keys)  # a network asks for the same grid in every step


def _encoded(coords: Tensor) -> Tensor:
    check_device("grid_coord_map", "cells", coords, None)
    return ops.coordinate_set(torch.ops.completion.encode(coords))[0]


def check_cell_mask(function: str, mask: Tensor, sizes: Sequence[int], like: Tensor | None = None) -> None:
    """Checks that a mask is bool [B, X, Y, Z] of these sizes.

    Raises:
        TypeError, ValueError: another type, dtype, shape or device.
    """
    cells = ", ".join(map(str, sizes))
    check_tensor(function, "mask", mask, (torch.bool,), cells, like)
    check_values(function, "mask", mask)
    if tuple(mask.shape) != tuple(sizes):
        raise ValueError(
            f"{function}: mask must be [{cells}], got {list(mask.shape)}; give one for each cell"
        )


def _all_cells(sizes: Sequence[int], origin: Triple, step: Triple, device: torch.device) -> Tensor:
    """int32 [B·X·Y·Z, 4]: coordinates of every cell; their range is checked on the host."""
    if prod(sizes) > MAX_ROWS:
        raise ValueError(
            f"grid_coord_map: shape must give at most {MAX_ROWS} cells, got {tuple(sizes)} with the batch; "
            "take a part of the grid"
        )
    if 0 in sizes:
        return torch.zeros(0, 4, dtype=torch.int32, device=device)
    low, high = _ends([0] * 4, [size - 1 for size in sizes], origin, step)
    axes = (
        torch.arange(begin, end + 1, t, dtype=torch.int32, device=device)
        for begin, end, t in zip(low, high, _steps(step), strict=True)
    )
    return torch.cartesian_prod(*axes)


def _selected_cells(mask: Tensor, origin: Triple, step: Triple) -> Tensor:
    """int32 [N, 4]: coordinates of the cells where mask, bool [B, X, Y, Z], is true."""
    cells = mask.nonzero()
    if cells.shape[0] == 0:
        return cells.int()
    first, last = read_limits(cells)
    low, _ = _ends(first, last, origin, step)
    columns = zip(cells.unbind(dim=1), first, _steps(step), low, strict=True)
    return torch.stack([(index - begin) * t + at for index, begin, t, at in columns], dim=1).int()


def _ends(first: list[int], last: list[int], origin: Triple, step: Triple) -> tuple[list[int], list[int]]:
    """Coordinates of the first and the last cell on each axis, which a key must hold; ints of any size."""

    def place(cell: list[int]) -> list[int]:
        return [cell[0], *(o + t * index for index, o, t in zip(cell[1:], origin, step, strict=True))]

    low, high = place(first), place(last)
    check_limits("grid_coord_map", low, high)
    return low, high


def _steps(step: Triple) -> tuple[int, ...]:
    """From one cell to the next in each column; an axis with a wider step has one cell in the range."""
    return 1, *(min(t, 2**16) for t in step)


def lattice_point(function: str, origin: Sequence[int], stride: Sequence[int]) -> Triple:
    """The origin of a grid, which must lie on the lattice of the set."""
    origin = three_integers(function, "origin", origin)
    if max(map(abs, origin)) > FARTHEST or max(stride) > FARTHEST:
        raise ValueError(
            f"{function}: origin and stride must be within ±{FARTHEST}, got {origin} and {tuple(stride)}; "
            "place the grid where voxels are"
        )
    if any(o % t for o, t in zip(origin, stride, strict=True)):
        raise ValueError(
            f"{function}: origin must be a multiple of the stride {tuple(stride)}, got {tuple(origin)}; "
            "place the grid on the lattice of the set"
        )
    return origin
