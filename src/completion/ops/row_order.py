"""row_order: the rows of a neighbour table so that rows which have the same neighbours lie side by side."""

import torch
from torch import Tensor

from completion.ops.checks import check_tensor
from completion.ops.reverse_pairs import MOST_SLOTS


def row_order(table: Tensor, holds_pairs: bool = False) -> Tensor:
    """An order of the table's rows for `convolution` on CUDA, which works on tiles of rows.

    A tile walks each offset that any of its rows has; rows with the same neighbours next to each other leave
    it few that only some have. Rows are sorted by the Gray code of their mask, as spconv 2 does, but only
    within windows: neighbours in space, whose features are read together, stay close.

    Args:
        table: [M, K] int32 source rows or −1; or [M, S] pairs of reverse_pairs, S ≤ 32, which are sorted by
            the lowest offset of a row and by which slots it fills.
        holds_pairs: the table does.

    Returns:
        [M] int32: each row once.

    Raises:
        TypeError, ValueError: wrong dtype or shape.

    Syncs: never. Deterministic, the same order on every device.
    """
    check_tensor("row_order", "table", table, (torch.int32,), "M, K")
    if holds_pairs and table.shape[1] > MOST_SLOTS:
        raise ValueError(
            f"row_order: table must be pairs in at most {MOST_SLOTS} slots, got {table.shape[1]}; "
            "order reverse_map's table"
        )
    return torch.ops.completion.row_order(table, holds_pairs)


@torch.library.register_fake("completion::row_order")
def _fake(table: Tensor, holds_pairs: bool = False) -> Tensor:
    return table.new_empty(table.shape[0])
