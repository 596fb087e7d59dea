"""kernel_pairs: the pairs of kernel_map from the source, few numbers a row, and what goes with them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.checks import check_integers, check_keys, check_offsets

MOST_OFFSETS = 64  # that a pair can name
MOST_TARGETS = 2**25  # rows that a pair can name
MOST_SLOTS = 32  # that a product takes


def kernel_pairs(
    source_keys: Tensor, target_keys: Tensor, offsets: Sequence[int], slots: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """The pairs of each source row: `pairs[n, slots[k]] = 64 m + k`, source n at target m + offset k.

    `reverse_map` has a place for each offset, this one for each slot. Between two strides few offsets can
    meet one row of the finer set, 8 of the 64 of a kernel 4³ with stride 2; these need slots of their own.

    Args:
        source_keys: [N] int64 canonical, the finer set.
        target_keys: [M ≤ 2²⁵] int64 canonical.
        offsets: K · 3 integers x, y, z in finest voxels, K ≤ 64, as of kernel_map.
        slots: K numbers from 0, less than 32; no source row may have two pairs in one slot.

    Returns:
        What `convolution` on CUDA takes together: pairs [N, S] int32, S = the largest slot + 1, −1 where
        there is none; order [N] int32, each row once, sorted by their lowest offset and by which slots they
        fill, but only within windows, as by row_order; and the slots as a tensor [K] int32.

    Raises:
        TypeError, ValueError: wrong dtype, shape, device, offsets or slots.

    Syncs: never. Deterministic, the same order on every device.
    """
    check_keys("kernel_pairs", "source_keys", source_keys)
    check_keys("kernel_pairs", "target_keys", target_keys, like=source_keys)
    if target_keys.shape[0] > MOST_TARGETS:
        raise ValueError(
            f"kernel_pairs: target_keys must have at most {MOST_TARGETS} rows, got {target_keys.shape[0]}; "
            "use kernel_map"
        )
    flat = check_offsets("kernel_pairs", offsets)
    if len(flat) > 3 * MOST_OFFSETS:
        raise ValueError(
            f"kernel_pairs: offsets must be at most {MOST_OFFSETS}, got {len(flat) // 3}; use kernel_map"
        )
    numbers = check_integers("kernel_pairs", "slots", slots)
    if 3 * len(numbers) != len(flat) or not all(0 <= slot < MOST_SLOTS for slot in numbers):
        raise ValueError(
            f"kernel_pairs: slots must be {len(flat) // 3} numbers of 0…{MOST_SLOTS - 1}, "
            f"got {slots!r}; give each offset one"
        )
    return torch.ops.completion.kernel_pairs(source_keys, target_keys, flat, numbers)


@torch.library.register_fake("completion::kernel_pairs")
def _fake(
    source_keys: Tensor, target_keys: Tensor, offsets: Sequence[int], slots: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    rows = source_keys.shape[0]
    pairs = source_keys.new_empty(rows, max(slots, default=-1) + 1, dtype=torch.int32)
    order, numbers = (source_keys.new_empty(size, dtype=torch.int32) for size in (rows, len(slots)))
    return pairs, order, numbers
