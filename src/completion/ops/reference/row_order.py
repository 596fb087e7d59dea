"""Order of a table's rows by the Gray code of their masks within windows."""

import torch
from torch import Tensor

FEW, SMALL_WINDOW, LARGE_WINDOW, PAIR_WINDOW = 16384, 4096, 65536, 2**20
RANK_BITS = 48


def row_order(table: Tensor) -> Tensor:
    """Each row of the table once, int32 [M]; arguments as of the operator."""
    rows, offsets = table.shape
    masks = [0] * rows
    for row, k in (table >= 0).nonzero().tolist():
        masks[row] |= 1 << k % 64
    ranks = [_gray_rank(mask) >> max(0, min(offsets, 64) - RANK_BITS) for mask in masks]
    return _order(table, ranks, LARGE_WINDOW)


def order_of_pairs(pairs: Tensor) -> Tensor:
    """Each row of the pairs once, int32 [N], as kernel_pairs orders them."""
    return _order(pairs, [_rank_of_pairs(row) for row in pairs.tolist()], PAIR_WINDOW)


def _order(table: Tensor, ranks: list, large_window: int) -> Tensor:
    window = SMALL_WINDOW if len(ranks) <= FEW else large_window
    order = sorted(range(len(ranks)), key=lambda row: (row // window, ranks[row], row))
    return torch.tensor(order, dtype=torch.int32, device=table.device)


def _rank_of_pairs(row: list[int]) -> tuple[int, int]:
    """The lowest offset of the pairs, and which slots hold one."""
    lowest = min((pair % 64 for pair in row if pair >= 0), default=63)
    return lowest, sum(1 << slot for slot, pair in enumerate(row) if pair >= 0)


def _gray_rank(mask: int) -> int:
    """Place of a mask in the Gray code: each bit of the place is the parity of the bits from there up."""
    rank = 0
    for bit in range(63, -1, -1):
        rank = rank << 1 | (rank & 1) ^ (mask >> bit & 1)
    return rank
