"""pool_sum and pool_max: reductions over the rows that a table lists for each target row."""

import torch
from torch import Tensor

from completion.ops.checks import FEATURE_DTYPES, check_size, check_table, check_tensor, refuse_forward_mode
from completion.ops.differentiable import differentiable


def pool_sum(features: Tensor, table: Tensor, reverse: Tensor) -> Tensor:
    """`y[m] = Σ_k features[table[m, k]]` over the entries that are not −1.

    Args:
        features: [N, C] float32, float64, bfloat16 or float16. Half types are summed in float32.
        table: [M, K] int32 feature rows or −1.
        reverse: [N, K] int32, the same pairs seen from the features; used by the gradient.

    Returns:
        [M, C] in the dtype of features; 0 for a row without neighbours.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device.

    Syncs: never. Differentiable in features, to any order. Deterministic.
    """
    refuse_forward_mode("pool_sum")
    check_tensor("pool_sum", "features", features, FEATURE_DTYPES, "N, C")
    check_table("pool_sum", "table", table, "M", features)
    check_table("pool_sum", "reverse", reverse, "N", features)
    check_size("pool_sum", "reverse", "N", reverse.shape[0], features.shape[0], "features")
    check_size("pool_sum", "reverse", "K", reverse.shape[1], table.shape[1], "table")
    return _pool_sum(features, table, reverse)


def pool_max(features: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """`y[m, c] = max_k features[table[m, k], c]` over the entries that are not −1, and the row it came from.

    Args:
        features: [N, C] float32, float64, bfloat16 or float16.
        table: [M, K] int32 feature rows or −1; no row occurs twice in a column.

    Returns:
        values [M, C] in the dtype of features, 0 for a row without neighbours; arg [M, C] int32, the feature
        row of the maximum (of equal ones the first in the order of k), −1 where there is none. A NaN wins.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device.

    Syncs: never. Differentiable in features, twice. Deterministic, also backward: it gathers.
    """
    refuse_forward_mode("pool_max")
    check_tensor("pool_max", "features", features, FEATURE_DTYPES, "N, C")
    check_table("pool_max", "table", table, "M", features)
    return _pool_max(features, table)


@torch.library.register_fake("completion::pool_sum")
def _pool_sum_fake(features: Tensor, table: Tensor, reverse: Tensor) -> Tensor:
    return features.new_empty(table.shape[0], features.shape[1])


@torch.library.register_fake("completion::pool_max")
def _pool_max_fake(features: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    values = features.new_empty(table.shape[0], features.shape[1])
    return values, torch.empty_like(values, dtype=torch.int32)


@torch.library.register_fake("completion::pool_max_grad")
def _pool_max_grad_fake(grad: Tensor, arg: Tensor, reverse: Tensor) -> Tensor:
    return grad.new_empty(reverse.shape[0], grad.shape[1])


def _pool_sum_setup(ctx, inputs: tuple, output: Tensor) -> None:
    _, table, reverse = inputs
    ctx.save_for_backward(table, reverse)


def _pool_sum_backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:
    table, reverse = ctx.saved_tensors
    return _pool_sum(grad, reverse, table), None, None


def _pool_max_setup(ctx, inputs: tuple, output: tuple[Tensor, Tensor]) -> None:
    features, table = inputs
    ctx.num_source = features.shape[0]
    ctx.save_for_backward(table, output[1])
    ctx.mark_non_differentiable(output[1])


def _pool_max_backward(ctx, grad: Tensor, _: Tensor | None) -> tuple[Tensor, None]:
    table, arg = ctx.saved_tensors
    reverse = torch.ops.completion.reverse_map(table, ctx.num_source)
    return _pool_max_grad(grad, arg, reverse), None


def _pool_max_grad_setup(ctx, inputs: tuple, output: Tensor) -> None:
    _, arg, _ = inputs
    ctx.save_for_backward(arg)


def _pool_max_grad_backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:
    """pool_max_grad scatters each value to its arg; its adjoint gathers from there."""
    (arg,) = ctx.saved_tensors
    if grad.shape[0] == 0:
        return grad.new_zeros(arg.shape), None, None
    gathered = grad.gather(0, arg.clamp(min=0).long())
    return torch.where(arg >= 0, gathered, 0), None, None


_pool_sum = differentiable("pool_sum", _pool_sum_backward, _pool_sum_setup, num_leading=1)
_pool_max = differentiable("pool_max", _pool_max_backward, _pool_max_setup, num_leading=1)
_pool_max_grad = differentiable("pool_max_grad", _pool_max_grad_backward, _pool_max_grad_setup, num_leading=1)
