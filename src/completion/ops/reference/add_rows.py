"""Sums of rows of two matrices with zeros for absent ones."""

from torch import Tensor

from completion.ops.reference.take_rows import take_rows


def add_rows(
    first: Tensor,
    first_rows: Tensor,
    first_inverse: Tensor,
    second: Tensor,
    second_rows: Tensor,
    second_inverse: Tensor,
) -> Tensor:
    """Sum of the rows that two lists name; arguments as of the operator."""
    return take_rows(first, first_rows, first_inverse) + take_rows(second, second_rows, second_inverse)
