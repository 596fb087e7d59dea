"""Coarser and coarser sets of cells."""

from torch import Tensor

from completion.ops.reference.strided_set import strided_set


def pyramid(keys: Tensor, stride: int, num_levels: int) -> list[tuple[Tensor, Tensor]]:
    """Keys of the cells at `2 stride, 4 stride, …`, and the row of each row's cell one level up.

    Args:
        keys: int64 [N] canonical.
        stride: of the set, in finest voxels.
        num_levels: how many.
    """
    levels = []
    for level in range(1, num_levels + 1):
        levels.append(strided_set(levels[-1][0] if levels else keys, (stride * 2**level,) * 3))
    return levels
