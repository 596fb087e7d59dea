"""Sum and maximum of the rows under a window, over the same tables as the convolution."""

import torch
from torch import Tensor

from completion.ops.reference.convolution import accumulation_dtype
from completion.ops.reference.take_rows import take_rows


def pool_sum(features: Tensor, table: Tensor, reverse: Tensor) -> Tensor:
    """Sum of the rows under each window: [M, C] in the dtype of features, zero for an empty window.

    Args:
        features: [N, C].
        table: int32 [M, K] source rows, -1 = none.
        reverse: int32 [N, K]; not needed here, part of the operator's signature.
    """
    x = features.to(accumulation_dtype(features.dtype))
    out = x.new_zeros(table.shape[0], features.shape[1])
    for k in range(table.shape[1]):
        out = out + take_rows(x, table[:, k])
    return out.to(features.dtype)


def pool_max(features: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """Largest value per channel under each window; the first offset wins a tie.

    Args:
        features: [N, C].
        table: int32 [M, K] source rows, -1 = none.

    Returns:
        values [M, C], zero for an empty window; arg int32 [M, C], the source row of each value or -1.
    """
    values = features.detach()
    best = values.new_zeros(table.shape[0], features.shape[1])
    arg = torch.full_like(best, -1, dtype=torch.int32)
    for k in range(table.shape[1]):
        rows = table[:, k, None]
        candidate = take_rows(values, table[:, k])
        wins = (rows >= 0) & ((arg < 0) | (candidate > best))
        best, arg = torch.where(wins, candidate, best), torch.where(wins, rows, arg)
    padded = torch.cat([features, features.new_zeros(1, features.shape[1])])
    index = torch.where(arg < 0, features.shape[0], arg.long())
    return padded.gather(0, index), arg
