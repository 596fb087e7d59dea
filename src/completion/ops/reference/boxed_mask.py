"""A mask of a set without the rows outside a box, counted for each batch item."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.reference.coords import decode, inside_box


def boxed_mask(
    keys: Tensor, mask: Tensor, batch_size: int, low: Sequence[int], high: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The mask inside the box; its rows in each item, then how many rows lie outside the box.

    Args:
        keys: int64 [N].
        mask: bool [N].
        batch_size: B.
        low: x, y, z of the lowest corner.
        high: x, y, z, one past the highest corner.

    Returns:
        bool [N]; int64 [B + 1].
    """
    inside = inside_box(keys, low, high)
    boxed = mask & inside
    items = decode(keys)[:, 0]
    counts = [int((boxed & (items == item)).sum()) for item in range(batch_size)]
    return boxed, torch.tensor([*counts, int((~inside).sum())], device=keys.device)
