"""convolution and convolution_grad_weight: schema's Python side, autograd, autocast.

The one relation (semantics: `y[u] = Σ_i x[u + off_i] W_i`), with row tables for coordinates:
`y[m] = Σ_k x[table[m, k]] W_k`. Every derivative of any order is one of the two operators again.
"""

import torch
from torch import Tensor

from completion.ops.checks import FEATURE_DTYPES, check_size, check_table, check_tensor, refuse_forward_mode

HALF_DTYPES = (torch.bfloat16, torch.float16)


def convolution(features: Tensor, weight: Tensor, table: Tensor, reverse: Tensor) -> Tensor:
    """`y[m] = Σ_k features[table[m, k]] @ weight[k]` over the entries that are not −1.

    Args:
        features: [N, Cin] float32, float64, bfloat16 or float16. Half types are summed in float32.
        weight: [K, Cin, Cout] in the dtype of features, or float32 beside half features (its gradient then
            is float32).
        table: [M, K] int32 feature rows or −1.
        reverse: [N, K] int32, the same pairs seen from the features (reverse_map); used by the gradients.

    Returns:
        [M, Cout] in the dtype of features. Under autocast, float32 features become the autocast dtype.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device.

    Syncs: never. Differentiable in features and weight, to any order. Deterministic: no float atomics, and on
    the CPU the same bits for every number of threads.
    """
    refuse_forward_mode("convolution")
    check_tensor("convolution", "features", features, FEATURE_DTYPES, "N, Cin")
    features = _autocast(features)
    weight_dtypes = (features.dtype, torch.float32) if features.dtype in HALF_DTYPES else (features.dtype,)
    check_tensor("convolution", "weight", weight, weight_dtypes, "K, Cin, Cout", features)
    check_table("convolution", "table", table, "M", features)
    check_table("convolution", "reverse", reverse, "N", features)
    check_size("convolution", "weight", "Cin", weight.shape[1], features.shape[1], "features")
    check_size("convolution", "weight", "K", weight.shape[0], table.shape[1], "table")
    check_size("convolution", "reverse", "N", reverse.shape[0], features.shape[0], "features")
    check_size("convolution", "reverse", "K", reverse.shape[1], table.shape[1], "table")
    return torch.ops.completion.convolution(features, weight, table, reverse, _allow_tf32(features))


def convolution_grad_weight(features: Tensor, grad: Tensor, table: Tensor, reverse: Tensor) -> Tensor:
    """`Σ_m features[table[m, k]]ᵀ grad[m]` for each k: the gradient of the weight of a convolution.

    Args:
        features: [N, Cin] float32, float64, bfloat16 or float16.
        grad: [M, Cout] in the dtype of features.
        table: [M, K] int32 feature rows or −1.
        reverse: [N, K] int32, the same pairs seen from the features.

    Returns:
        [K, Cin, Cout] float64 for float64, else float32: half types must not overflow here.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device.

    Syncs: never. Differentiable in features and grad, to any order. Deterministic, as convolution.
    """
    refuse_forward_mode("convolution_grad_weight")
    check_tensor("convolution_grad_weight", "features", features, FEATURE_DTYPES, "N, Cin")
    check_tensor("convolution_grad_weight", "grad", grad, (features.dtype,), "M, Cout", features)
    check_table("convolution_grad_weight", "table", table, "M", features)
    check_table("convolution_grad_weight", "reverse", reverse, "N", features)
    check_size("convolution_grad_weight", "grad", "M", grad.shape[0], table.shape[0], "table")
    check_size("convolution_grad_weight", "reverse", "N", reverse.shape[0], features.shape[0], "features")
    check_size("convolution_grad_weight", "reverse", "K", reverse.shape[1], table.shape[1], "table")
    return torch.ops.completion.convolution_grad_weight(features, grad, table, reverse, _allow_tf32(features))


def _autocast(features: Tensor) -> Tensor:
    """Features as autocast wants them; the weight stays as it is, so that its gradient keeps float32."""
    device = features.device.type
    if features.dtype == torch.float64 or device == "meta" or not torch.is_autocast_enabled(device):
        return features
    return features.to(torch.get_autocast_dtype(device))


def _allow_tf32(features: Tensor) -> bool:
    """torch's own TF32 switch, which the native code cannot read; meaningless but for float32 on CUDA."""
    return bool(
        features.is_cuda and features.dtype == torch.float32 and torch.backends.cuda.matmul.allow_tf32
    )


@torch.library.register_fake("completion::convolution")
def _convolution_fake(
    features: Tensor, weight: Tensor, table: Tensor, reverse: Tensor, allow_tf32: bool = False
):
    return features.new_empty(table.shape[0], weight.shape[2])


@torch.library.register_fake("completion::convolution_grad_weight")
def _grad_weight_fake(
    features: Tensor, grad: Tensor, table: Tensor, reverse: Tensor, allow_tf32: bool = False
):
    dtype = torch.float32 if features.dtype in HALF_DTYPES else features.dtype
    return features.new_empty(table.shape[1], features.shape[1], grad.shape[1], dtype=dtype)


def _setup_context(ctx, inputs: tuple, output: Tensor) -> None:
    first, second, table, reverse, ctx.allow_tf32 = inputs
    ctx.save_for_backward(first, second, table, reverse)


def _convolution_backward(ctx, grad: Tensor) -> tuple:
    features, weight, table, reverse = ctx.saved_tensors
    grad_features = grad_weight = None
    if ctx.needs_input_grad[0]:
        transposed = weight.transpose(1, 2)
        grad_features = torch.ops.completion.convolution(grad, transposed, reverse, table, ctx.allow_tf32)
    if ctx.needs_input_grad[1]:
        summed = torch.ops.completion.convolution_grad_weight(features, grad, table, reverse, ctx.allow_tf32)
        grad_weight = summed.to(weight.dtype)
    return grad_features, grad_weight, None, None, None


def _grad_weight_backward(ctx, grad: Tensor) -> tuple:
    """With G = grad [K, Cin, Cout]: convolution(g, Gᵀ) over reverse for features, convolution(x, G) for g."""
    features, output_grad, table, reverse = ctx.saved_tensors
    grad_features = grad_output_grad = None
    if ctx.needs_input_grad[0]:
        transposed = grad.transpose(1, 2)
        grad_features = torch.ops.completion.convolution(
            output_grad, transposed, reverse, table, ctx.allow_tf32
        )
    if ctx.needs_input_grad[1]:
        grad_output_grad = torch.ops.completion.convolution(features, grad, table, reverse, ctx.allow_tf32)
    return grad_features, grad_output_grad, None, None, None


torch.library.register_autograd(
    "completion::convolution", _convolution_backward, setup_context=_setup_context
)
torch.library.register_autograd(
    "completion::convolution_grad_weight", _grad_weight_backward, setup_context=_setup_context
)
