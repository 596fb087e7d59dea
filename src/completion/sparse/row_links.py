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


def true_rows(mask: Tensor, num_true: int | None = None) -> Tensor:
    """int64 [M]: rows where a mask, bool [N], is true, ascending. One host read, none where M is given."""
    if mask.is_cpu:  # numpy's search takes an eighth of torch's time
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    if num_true is None or num_true > mask.shape[0]:
        return mask.nonzero()[:, 0]
    return _rows_of_known(mask, num_true)


def _rows_of_known(mask: Tensor, num_true: int) -> Tensor:
    here = torch.arange(mask.shape[0], device=mask.device)
    place = torch.where(mask, mask.cumsum(0) - 1, num_true)
    # Unwanted rows, and those beyond a count that is too small, write into one spare slot at the end.
    rows = here.new_zeros(num_true + 1).scatter_(0, place.clamp(max=num_true), here)
    return rows[:num_true]
