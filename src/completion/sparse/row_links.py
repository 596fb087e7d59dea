"""Row maps between sets: from masks, and inverted."""

import numpy as np
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


def true_rows(mask: Tensor) -> Tensor:
    """int64 [M]: the rows where a mask, bool [N], is true, ascending. One host read."""
    if mask.is_cpu:  # numpy's search takes an eighth of torch's time
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.nonzero()[:, 0]
