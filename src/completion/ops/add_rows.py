"""add_rows: sums of rows of two feature matrices by index; a union of two tensors in one pass."""

import torch
from torch import Tensor

from completion.ops.checks import FEATURE_DTYPES, check_size, check_tensor, refuse_forward_mode
from completion.ops.differentiable import differentiable
from completion.ops.take_rows import unchecked_take_rows


def add_rows(
    first: Tensor,
    first_rows: Tensor,
    first_inverse: Tensor,
    second: Tensor,
    second_rows: Tensor,
    second_inverse: Tensor,
) -> Tensor:
    """`y[m] = first[first_rows[m]] + second[second_rows[m]]`; an index of −1 stands for a row of zeros.

    Args:
        first: [N1, C] float32, float64, bfloat16 or float16.
        first_rows: [M] int32, −1 or a row of first; no row twice.
        first_inverse: [N1] int32, the converse: `first_inverse[first_rows[m]] = m`, −1 elsewhere.
        second: [N2, C] in the dtype of first.
        second_rows: [M] int32, as first_rows.
        second_inverse: [N2] int32, as first_inverse.

    Returns:
        [M, C] in the dtype of first.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device.

    Syncs: never. Differentiable in both, to any order. Deterministic.
    """
    refuse_forward_mode("add_rows")
    check_tensor("add_rows", "first", first, FEATURE_DTYPES, "N1, C")
    check_tensor("add_rows", "second", second, (first.dtype,), "N2, C", first)
    check_size("add_rows", "second", "C", second.shape[1], first.shape[1], "first")
    check_tensor("add_rows", "first_rows", first_rows, (torch.int32,), "M", first)
    check_tensor("add_rows", "second_rows", second_rows, (torch.int32,), "M", first)
    check_size("add_rows", "second_rows", "M", second_rows.shape[0], first_rows.shape[0], "first_rows")
    check_tensor("add_rows", "first_inverse", first_inverse, (torch.int32,), "N1", first)
    check_size("add_rows", "first_inverse", "N1", first_inverse.shape[0], first.shape[0], "first")
    check_tensor("add_rows", "second_inverse", second_inverse, (torch.int32,), "N2", first)
    check_size("add_rows", "second_inverse", "N2", second_inverse.shape[0], second.shape[0], "second")
    return _add_rows(first, first_rows, first_inverse, second, second_rows, second_inverse)


@torch.library.register_fake("completion::add_rows")
def _fake(
    first: Tensor,
    first_rows: Tensor,
    first_inverse: Tensor,
    second: Tensor,
    second_rows: Tensor,
    second_inverse: Tensor,
) -> Tensor:
    return first.new_empty(first_rows.shape[0], first.shape[1])


def _setup_context(ctx, inputs: tuple, output: Tensor) -> None:
    _, first_rows, first_inverse, _, second_rows, second_inverse = inputs
    ctx.save_for_backward(first_rows, first_inverse, second_rows, second_inverse)


def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, None, None, Tensor | None, None, None]:
    first_rows, first_inverse, second_rows, second_inverse = ctx.saved_tensors
    needs_first, needs_second = ctx.needs_input_grad[0], ctx.needs_input_grad[3]
    grad_first = unchecked_take_rows(grad, first_inverse, first_rows) if needs_first else None
    grad_second = unchecked_take_rows(grad, second_inverse, second_rows) if needs_second else None
    return grad_first, None, None, grad_second, None, None


_add_rows = differentiable("add_rows", _backward, _setup_context, num_leading=4)
