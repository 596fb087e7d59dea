"""reverse_pairs: a neighbour table seen from its sources, as few pairs a row."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.checks import check_count, check_tensor

MOST_OFFSETS = 64  # that a pair can name
MOST_TARGETS = 2**25  # rows that a pair can name
MOST_SLOTS = 32  # that a product takes


def reverse_pairs(table: Tensor, num_source: int, slots: Sequence[int]) -> Tensor:
    """The pairs of each source row: `pairs[table[m, k], slots[k]] = 64 m + k`, −1 elsewhere.

    `reverse_map` has a place for each offset, this one for each slot. Between two strides few offsets can
    meet one row of the finer set, 8 of the 64 of a kernel 4³ with stride 2; these need slots of their own.

    Args:
        table: [M, K] int32 source rows or −1, M ≤ 2²⁵, K ≤ 64; no source row has two pairs in one slot.
        num_source: N, greater than every row in the table.
        slots: K numbers from 0, less than 32.

    Returns:
        [N, S] int32, S = the largest slot + 1.

    Raises:
        TypeError, ValueError: wrong dtype, shape or slots, or a negative count.

    Syncs: never. Deterministic.
    """
    check_tensor("reverse_pairs", "table", table, (torch.int32,), "M, K")
    check_count("reverse_pairs", "num_source", num_source)
    if table.shape[0] > MOST_TARGETS or table.shape[1] > MOST_OFFSETS:
        raise ValueError(
            f"reverse_pairs: table must be at most [{MOST_TARGETS}, {MOST_OFFSETS}], "
            f"got {list(table.shape)}; use reverse_map"
        )
    known = isinstance(slots, (list, tuple)) and len(slots) == table.shape[1]
    if not known or not all(type(slot) is int and 0 <= slot < MOST_SLOTS for slot in slots):
        raise ValueError(
            f"reverse_pairs: slots must be {table.shape[1]} numbers of 0…{MOST_SLOTS - 1}, "
            f"got {slots!r}; give each offset one"
        )
    return torch.ops.completion.reverse_pairs(table, num_source, list(slots))


@torch.library.register_fake("completion::reverse_pairs")
def _fake(table: Tensor, num_source: int, slots: Sequence[int]) -> Tensor:
    return table.new_empty(num_source, max(slots, default=-1) + 1)
