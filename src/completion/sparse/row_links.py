"""Row maps between sets, inverted without a host read."""

import torch
from torch import Tensor


def invert_rows(rows: Tensor, num_rows: int) -> Tensor:
    """The way back of an injective row map, without a host read.

    Args:
        rows: int32 [M], values in 0…num_rows - 1, or -1 for none.
        num_rows: size N of the other side.

    Returns:
        int32 [N]: `inverse[rows[i]] = i`, -1 elsewhere.
    """
    inverse = torch.full((num_rows + 1,), -1, dtype=torch.int32, device=rows.device)
    here = torch.arange(rows.shape[0], dtype=torch.int32, device=rows.device)
    # Absent rows all write into one spare slot at the end, which is cut off.
    return inverse.scatter_(0, torch.where(rows < 0, num_rows, rows).long(), here)[:num_rows]
