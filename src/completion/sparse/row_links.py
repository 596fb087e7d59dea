"""Row maps between sets, inverted."""

from torch import Tensor

from completion import ops


def invert_rows(rows: Tensor, num_rows: int) -> Tensor:
    """The way back of an injective row map, without a host read.

    Args:
        rows: int32 [M], values in 0…num_rows - 1, or -1 for none.
        num_rows: size N of the other side.

    Returns:
        int32 [N]: `inverse[rows[i]] = i`, -1 elsewhere.
    """
    return ops.reverse_map(rows[:, None], num_rows)[:, 0]
