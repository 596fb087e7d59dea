"""Pairs of a neighbour table by source row and slot."""

from collections.abc import Sequence

from torch import Tensor


def reverse_pairs(table: Tensor, num_source: int, slots: Sequence[int]) -> Tensor:
    """Pairs int32 [N, S], 64 m + k or -1; arguments as of the operator."""
    pairs = table.new_full((num_source, max(slots, default=-1) + 1), -1)
    for k, slot in enumerate(slots):
        targets = (table[:, k] >= 0).nonzero()[:, 0]
        pairs[table[targets, k].long(), slot] = (64 * targets + k).int()
    return pairs
