"""take_rows: rows of a feature matrix by index; serves prune, union and look-up of skip features."""

import torch
from torch import Tensor

from completion.ops.checks import FEATURE_DTYPES, check_size, check_tensor, refuse_forward_mode
from completion.ops.differentiable import differentiable


def take_rows(features: Tensor, rows: Tensor, inverse: Tensor) -> Tensor:
    """`y[m] = features[rows[m]]`, zero where `rows[m] = −1`.

    Args:
        features: [N, C] float32, float64, bfloat16 or float16.
        rows: [M] int32, −1 or a row of features; no row twice.
        inverse: [N] int32, the converse: `inverse[rows[m]] = m`, −1 elsewhere.

    Returns:
        [M, C] in the dtype of features.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device.

    Syncs: never. Differentiable in features, to any order. Deterministic.
    """
    refuse_forward_mode("take_rows")
    check_tensor("take_rows", "features", features, FEATURE_DTYPES, "N, C")
    check_tensor("take_rows", "rows", rows, (torch.int32,), "M", features)
    check_tensor("take_rows", "inverse", inverse, (torch.int32,), "N", features)
    check_size("take_rows", "inverse", "N", inverse.shape[0], features.shape[0], "features")
    return unchecked_take_rows(features, rows, inverse)


@torch.library.register_fake("completion::take_rows")
def _fake(features: Tensor, rows: Tensor, inverse: Tensor) -> Tensor:
    return features.new_empty(rows.shape[0], features.shape[1])


def _setup_context(ctx, inputs: tuple, output: Tensor) -> None:
    _, rows, inverse = inputs
    ctx.save_for_backward(rows, inverse)


def _backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:
    rows, inverse = ctx.saved_tensors
    return unchecked_take_rows(grad, inverse, rows), None, None


unchecked_take_rows = differentiable("take_rows", _backward, _setup_context, num_leading=1)
