"""Union of two canonical sets."""

import torch
from torch import Tensor


def union_set(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Union of two sets, where each row of either went, and the way back.

    Args:
        a: int64 [Na] canonical.
        b: int64 [Nb] canonical.

    Returns:
        keys int64 [M] canonical; rows_a int32 [Na]; rows_b int32 [Nb]; inverse_a and inverse_b int32 [M], -1
        for none.
    """
    keys, rows = torch.unique(torch.cat([a, b]), sorted=True, return_inverse=True)
    rows = rows.int()
    sides = rows[: a.numel()], rows[a.numel() :]
    inverses = [torch.full_like(keys, -1, dtype=torch.int32) for _ in sides]
    for side, inverse in zip(sides, inverses, strict=True):
        inverse[side.long()] = torch.arange(side.numel(), dtype=torch.int32, device=keys.device)
    return keys, *sides, inverses[0], inverses[1]
