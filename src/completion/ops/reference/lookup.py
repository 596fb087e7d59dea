"""Row of a key in a canonical set, by bisection."""

import torch
from torch import Tensor


def lookup(keys: Tensor, queries: Tensor) -> Tensor:
    """Row of each query in the set, -1 where it is absent.

    Args:
        keys: int64 [N] canonical.
        queries: int64 [M] in any order.

    Returns:
        int32 [M].
    """
    if keys.numel() == 0:
        return torch.full_like(queries, -1).int()
    rows = torch.searchsorted(keys, queries).clamp(max=keys.numel() - 1)
    return torch.where(keys[rows] == queries, rows, -1).int()
