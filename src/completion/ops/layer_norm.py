"""layer_norm: schema's Python side and autograd.

The backward pass is one operator too. Mean and variance of a row are not kept for it, as it reads the row.
"""

import torch
from torch import Tensor

from completion.ops.checks import (
    FEATURE_DTYPES,
    check_columns,
    check_number,
    check_tensor,
    refuse_forward_mode,
)
from completion.ops.differentiable import differentiable, pulled_back


def layer_norm(features: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """`(features - mean) / sqrt(variance + eps) · weight + bias`, statistics of each row (Ba et al. 2016).

    Args:
        features: [N, C] float32, float64, bfloat16 or float16.
        weight: [C].
        bias: [C].
        eps: added to the variance, which is divided by C.

    Returns:
        [N, C] in the dtype of features, under autocast too; half types are computed in float32, rounded once.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device.

    Syncs: never. Differentiable in features, weight and bias, to any order; the backward pass needs features
    and weight alone. Deterministic, on the CPU for every number of threads.
    """
    refuse_forward_mode("layer_norm")
    check_tensor("layer_norm", "features", features, FEATURE_DTYPES, "N, C")
    check_columns("layer_norm", features, {"weight": weight, "bias": bias})
    check_number("layer_norm", "eps", eps)
    return _layer_norm(features, weight, bias, float(eps))


@torch.library.register_fake("completion::layer_norm")
def _fake(features: Tensor, *_: object) -> Tensor:
    return features.new_empty(features.shape)


@torch.library.register_fake("completion::layer_norm_grad")
def _grad_fake(grad: Tensor, features: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    return features.new_empty(features.shape), torch.empty_like(weight), torch.empty_like(weight)


def _setup_context(ctx, inputs: tuple, output: Tensor) -> None:
    features, weight, bias, ctx.eps = inputs
    ctx.bias_dtype = bias.dtype
    ctx.save_for_backward(features, weight)


def _backward(ctx, grad: Tensor) -> tuple:
    *grads, grad_bias = _layer_norm_grad(grad, *ctx.saved_tensors, ctx.eps)
    return *grads, grad_bias.to(ctx.bias_dtype), None


def _grad_setup_context(ctx, inputs: tuple, output: tuple) -> None:
    *tensors, ctx.eps = inputs
    ctx.save_for_backward(*tensors)


def _grad_backward(ctx, *grads: Tensor | None) -> tuple:
    def gradients(grad: Tensor, features: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
        return _gradients(grad, features, weight, ctx.eps)

    return *pulled_back(gradients, ctx.saved_tensors, grads), None


def _gradients(grad: Tensor, features: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, ...]:
    """The results of layer_norm_grad, step by step."""
    kind = torch.promote_types(features.dtype, torch.float32)
    x, g = features.to(kind), grad.to(kind)
    centred = x - x.mean(dim=1, keepdim=True)
    inverse = (centred.square().mean(dim=1, keepdim=True) + eps).rsqrt()
    normal, scaled = centred * inverse, g * weight
    taken = scaled.mean(dim=1, keepdim=True) + normal * (scaled * normal).mean(dim=1, keepdim=True)
    grad_features = inverse * (scaled - taken)
    columns = ((g * normal).sum(dim=0).to(weight.dtype), g.sum(dim=0).to(weight.dtype))
    return grad_features.to(features.dtype), *columns


_layer_norm = differentiable("layer_norm", _backward, _setup_context, num_leading=3)
_layer_norm_grad = differentiable("layer_norm_grad", _grad_backward, _grad_setup_context, num_leading=3)
