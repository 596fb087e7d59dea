"""Row maps between sets: from masks, and inverted."""

import numpy as np
import torch
from torch import Tensor

from completion import ops


def invert_rows(rows: Tensor, num_rows: int) -> Tensor:
    """The way back of an injective row map, without a host read.

    Args:
        rows: int32 [M], values in 0…num_rows - 1, or -1 for none.
        num_rows: size N of the other side.

    Returns:
        int32 [N]: `inverse[rows[i]] = i`, -1 elsewhere.
    """
    return ops.reverse_map(rows[:, None], num_rows)[:, 0]


def true_rows(mask: Tensor, num_true: int | None = None) -> Tensor:
    """int64 [M]: rows where a mask, bool [N], is true, ascending. One host read, none where M is given."""
    if mask.is_cpu:  # numpy's search takes an eighth of torch's time
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    if num_true is None or num_true > mask.shape[0]:
        return mask.nonzero()[:, 0]
    # A count that is too small cuts rows off, one that is too large repeats row 0.
    return torch.nonzero_static(mask, size=num_true, fill_value=0)[:, 0]
