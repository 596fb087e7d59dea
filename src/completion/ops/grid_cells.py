"""grid_cells: the cell of a dense grid that each voxel lies in."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from completion.ops.checks import MAX_ROWS, check_integers, check_keys

FARTHEST = 2**62


def grid_cells(keys: Tensor, origin: Sequence[int], step: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Flat cell `((b * X + x) * Y + y) * Z + z` of each key in a grid [B, X, Y, Z]: int32 [N], −1 outside.

    Args:
        keys: [N] int64.
        origin: x, y, z of the lowest corner of cell (0, 0, 0), in finest voxels.
        step: finest voxels of a cell on each axis.
        shape: B, X, Y, Z.

    Raises:
        TypeError, ValueError: wrong dtype or shape, no three or four integers, or too many cells.

    Syncs: never. Deterministic.
    """
    check_keys("grid_cells", "keys", keys)
    low = _integers("origin", origin, 3, -FARTHEST, FARTHEST)
    steps = _integers("step", step, 3, 1, FARTHEST)
    sizes = _integers("shape", shape, 4, 0, MAX_ROWS)
    if prod(sizes) > MAX_ROWS:
        raise ValueError(
            f"grid_cells: shape must give at most {MAX_ROWS} cells, got {sizes}; take a part of the grid"
        )
    return torch.ops.completion.grid_cells(keys, low, steps, sizes)


def _integers(name: str, values: Sequence[int], count: int, least: int, most: int) -> list[int]:
    """The values as so many ints from least to most."""
    numbers = check_integers("grid_cells", name, values)
    if len(numbers) != count or not all(least <= number <= most for number in numbers):
        raise ValueError(
            f"grid_cells: {name} must be {count} integers in {least}…{most}, got {numbers}; correct them"
        )
    return numbers


@torch.library.register_fake("completion::grid_cells")
def _fake(keys: Tensor, origin: Sequence[int], step: Sequence[int], shape: Sequence[int]) -> Tensor:
    return keys.new_empty(keys.shape[0], dtype=torch.int32)
