"""row_order: the rows of a neighbour table so that rows which have the same neighbours lie side by side."""

import torch
from torch import Tensor

from completion.ops.checks import check_tensor


def row_order(table: Tensor) -> Tensor:
    """An order of the table's rows for `convolution` on CUDA, which works on tiles of rows.

    A tile walks each offset that any of its rows has; rows with the same neighbours next to each other leave
    it few that only some have. Rows are sorted by the Gray code of their mask, as spconv 2 does, but only
    within windows: neighbours in space, whose features are read together, stay close.

    Args:
        table: [M, K] int32 source rows or −1.

    Returns:
        [M] int32: each row once.

    Raises:
        TypeError, ValueError: wrong dtype or shape.

    Syncs: never. Deterministic, the same order on every device.
    """
    check_tensor("row_order", "table", table, (torch.int32,), "M, K")
    return torch.ops.completion.row_order(table)


@torch.library.register_fake("completion::row_order")
def _fake(table: Tensor) -> Tensor:
    return table.new_empty(table.shape[0])
