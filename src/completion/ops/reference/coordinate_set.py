"""Entry of unordered keys: sorted unique set with the row maps in both directions, through torch.unique."""

import torch
from torch import Tensor


def coordinate_set(keys: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Canonical set of the keys and the maps between input rows and voxel rows.

    Args:
        keys: int64 [N] in any order, duplicates allowed.

    Returns:
        keys int64 [M] ascending and unique; rows int32 [N], the voxel row of each input row;
        first int32 [M], the lowest input row of each voxel.
    """
    unique, rows = torch.unique(keys, sorted=True, return_inverse=True)
    order = torch.arange(keys.numel(), device=keys.device)
    first = torch.full_like(unique, keys.numel()).scatter_reduce(0, rows, order, "amin")
    return unique, rows.int(), first.int()
