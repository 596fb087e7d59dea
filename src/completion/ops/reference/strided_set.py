"""Coarser set by floor division of the coordinates."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.reference.coords import check_range, decode, encode


def strided_set(keys: Tensor, stride: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Set of the cells `floor(c / stride) * stride` and the cell of each row.

    Args:
        keys: int64 [N] canonical.
        stride: three positive ints in finest voxels, any value.

    Returns:
        keys int64 [M] canonical; parent int32 [N], the row of each input's cell.
    """
    coords = decode(keys).long()
    step = torch.tensor([1, *stride], device=keys.device)
    cells = torch.div(coords, step, rounding_mode="floor") * step
    check_range("strided_set", cells)
    unique, parent = torch.unique(encode(cells), sorted=True, return_inverse=True)
    return unique, parent.int()
