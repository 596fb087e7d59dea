"""Members of a set that a mask selects."""

import torch
from torch import Tensor


def selected_set(
    keys: Tensor, mask: Tensor, num_selected: int | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Members where the mask is true, and the rows of the two sets in each other.

    Args:
        keys: int64 [N].
        mask: bool [N].
        num_selected: how many are true; not used.

    Returns:
        keys int64 [M]; rows int32 [M]; inverse int32 [N], -1 where not selected.
    """
    rows = mask.nonzero()[:, 0]
    inverse = torch.where(mask, mask.cumsum(0) - 1, -1)
    return keys[rows], rows.int(), inverse.int()
