"""boxed_mask: a mask of a set without the rows outside a box, counted for each batch item."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.checks import check_count, check_keys, check_size, check_tensor
from completion.ops.coords import check_corner


def boxed_mask(
    keys: Tensor, mask: Tensor, batch_size: int, low: Sequence[int], high: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The rows of a set that a mask selects inside a box, and all that a host must know of them.

    Args:
        keys: [N] int64, of a set: ascending.
        mask: [N] bool.
        batch_size: B; rows of later items are not counted.
        low: x, y, z of the lowest corner in finest voxels.
        high: x, y, z of the highest one, which is not in the box; corners may lie beyond the range of keys.

    Returns:
        mask [N] bool, false outside the box; counts [B + 1] int64: how many rows of each item it selects, and
        last how many rows of the set, selected or not, lie outside the box.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device, batch_size is no count, or a corner is not three
            integers.

    Syncs: never. Deterministic.
    """
    check_keys("boxed_mask", "keys", keys)
    check_tensor("boxed_mask", "mask", mask, (torch.bool,), "N", like=keys)
    check_size("boxed_mask", "mask", "N", mask.shape[0], keys.shape[0], "keys")
    check_count("boxed_mask", "batch_size", batch_size)
    lowest, end = check_corner("boxed_mask", "low", low), check_corner("boxed_mask", "high", high)
    return torch.ops.completion.boxed_mask(keys, mask, batch_size, lowest, end)


@torch.library.register_fake("completion::boxed_mask")
def _fake(
    keys: Tensor, mask: Tensor, batch_size: int, low: Sequence[int], high: Sequence[int]
) -> tuple[Tensor, Tensor]:
    return torch.empty_like(mask), keys.new_empty(batch_size + 1)
