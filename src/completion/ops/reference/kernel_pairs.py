"""Pairs of a neighbour table by source row and slot, and their order."""

from collections.abc import Sequence

from torch import Tensor

from completion.ops.reference.kernel_map import kernel_map
from completion.ops.reference.row_order import order_of_pairs


def kernel_pairs(
    source_keys: Tensor, target_keys: Tensor, offsets: Sequence[int], slots: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs int32 [N, S], 64 m + k or -1, order [N] and slots [K] int32; arguments as of the operator."""
    table = kernel_map(source_keys, target_keys, offsets)
    pairs = table.new_full((source_keys.shape[0], max(slots, default=-1) + 1), -1)
    for k, slot in enumerate(slots):
        targets = (table[:, k] >= 0).nonzero()[:, 0]
        pairs[table[targets, k].long(), slot] = (64 * targets + k).int()
    return pairs, order_of_pairs(pairs), pairs.new_tensor(list(slots))
