"""Union of two canonical sets."""

import torch
from torch import Tensor


def union_set(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Union of two sets and where each row of either went.

    Args:
        a: int64 [Na] canonical.
        b: int64 [Nb] canonical.

    Returns:
        keys int64 [M] canonical; rows_a int32 [Na]; rows_b int32 [Nb].
    """
    keys, rows = torch.unique(torch.cat([a, b]), sorted=True, return_inverse=True)
    rows = rows.int()
    return keys, rows[: a.numel()], rows[a.numel() :]
