"""batch_statistics and batch_norm: normalisation over all rows and an activation (Ioffe and Szegedy 2015)."""

from typing import Any

import torch
from torch import Tensor

from completion.ops.checks import (
    FEATURE_DTYPES,
    check_columns,
    check_number,
    check_tensor,
    check_type,
    refuse_forward_mode,
)
from completion.ops.differentiable import differentiable, pulled_back

# In the order of completion/activation.h.
ACTIVATIONS = ("none", "relu", "elu", "silu")


def batch_statistics(
    features: Tensor, running_mean: Tensor, running_variance: Tensor, num_batches: Tensor, momentum: float
) -> tuple[Tensor, Tensor]:
    """Mean and variance of each column, which also move the running ones; has no gradient.

    Args:
        features: [N, C] float32, float64, bfloat16 or float16; N ≥ 2.
        running_mean: [C]; becomes `(1 - momentum) · running_mean + momentum · mean`.
        running_variance: [C]; likewise with the variance that is divided by N - 1.
        num_batches: int64 []; one more.
        momentum: share of the new.

    Returns:
        mean [C]; variance [C], divided by N. Both float32, for float64 features float64.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device, fewer than two rows.

    Syncs: never. Deterministic, on the CPU for every number of threads. What is summed are the differences to
    the first row of each part, so that a mean far from zero costs no digits.
    """
    check_tensor("batch_statistics", "features", features, FEATURE_DTYPES, "N, C")
    if features.shape[0] < 2:
        raise ValueError(
            f"batch_statistics: features must have two rows or more, got {features.shape[0]}; "
            "normalise fewer by the running statistics"
        )
    columns = {"running_mean": running_mean, "running_variance": running_variance}
    check_columns("batch_statistics", features, columns)
    check_tensor("batch_statistics", "num_batches", num_batches, (torch.int64,), "", features)
    check_number("batch_statistics", "momentum", momentum)
    return unchecked_batch_statistics(features, running_mean, running_variance, num_batches, momentum)


def unchecked_batch_statistics(
    features: Tensor, running_mean: Tensor, running_variance: Tensor, num_batches: Tensor, momentum: float
) -> tuple[Tensor, Tensor]:
    """As batch_statistics, of arguments that are known to be right."""
    if not torch.compiler.is_compiling():  # which finds what an operator changes by its schema
        torch.autograd.graph.increment_version((running_mean, running_variance, num_batches))
    return torch.ops.completion.batch_statistics.default(
        features.detach(), running_mean, running_variance, num_batches, momentum
    )


def batch_norm(
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    eps: float,
    activation: str = "none",
    of_batch: bool = False,
) -> Tensor:
    """`f((features - mean) / sqrt(variance + eps) · weight + bias)`.

    Args:
        features: [N, C] float32, float64, bfloat16 or float16.
        weight: [C].
        bias: [C].
        mean: [C].
        variance: [C].
        eps: added to the variance.
        activation: f: "none", "relu", "elu" with alpha 1, or "silu".
        of_batch: mean and variance are what batch_statistics found of the same features; then the gradient
            goes by way of them too. Else they are constants.

    Returns:
        [N, C] in the dtype of features; half types are computed in float32 and rounded once.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device, another activation.

    Syncs: never. Differentiable in features, weight and bias, to any order; the backward pass needs features
    and columns alone, not the result. Deterministic, as batch_statistics.
    """
    refuse_forward_mode("batch_norm")
    check_tensor("batch_norm", "features", features, FEATURE_DTYPES, "N, C")
    columns = {"weight": weight, "bias": bias, "mean": mean, "variance": variance}
    check_columns("batch_norm", features, columns)
    check_number("batch_norm", "eps", eps)
    code = activation_code("batch_norm", activation)
    check_type("batch_norm", "of_batch", of_batch, bool, "say True or False")
    return unchecked_batch_norm(features, weight, bias, mean, variance, float(eps), code, of_batch)


def activation_code(function: str, activation: str) -> int:
    """Number of an activation in native code.

    Raises:
        ValueError: there is no such one.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"{function}: activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}; "
            "apply another one to the result"
        )
    return ACTIVATIONS.index(activation)


@torch.library.register_fake("completion::batch_statistics")
def _statistics_fake(features: Tensor, *_: object) -> tuple[Tensor, Tensor]:
    dtype = torch.float64 if features.dtype == torch.float64 else torch.float32
    mean = features.new_empty(features.shape[1], dtype=dtype)
    return mean, torch.empty_like(mean)


@torch.library.register_fake("completion::batch_norm")
def _fake(features: Tensor, *_: object) -> Tensor:
    return features.new_empty(features.shape)


@torch.library.register_fake("completion::batch_norm_grad")
def _grad_fake(
    grad: Tensor, features: Tensor, weight: Tensor, bias: Tensor, *_: object
) -> tuple[Tensor, Tensor, Tensor]:
    return features.new_empty(features.shape), torch.empty_like(weight), torch.empty_like(bias)


def _setup_context(ctx, inputs: tuple, output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:5])
    ctx.constants = inputs[5:]


def _backward(ctx, grad: Tensor) -> tuple:
    return *_batch_norm_grad(grad, *ctx.saved_tensors, *ctx.constants), *(None,) * 5


def _grad_setup_context(ctx, inputs: tuple, output: tuple) -> None:
    ctx.save_for_backward(*inputs[:6])
    ctx.constants = inputs[6:]


def _grad_backward(ctx, *grads: Tensor | None) -> tuple:
    leading, statistics = ctx.saved_tensors[:4], ctx.saved_tensors[4:]

    def gradients(*inputs: Any) -> tuple[Tensor, ...]:
        return _gradients(*inputs, *statistics, *ctx.constants)

    return *pulled_back(gradients, leading, grads), *(None,) * 5


def _gradients(
    grad: Tensor,
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    eps: float,
    activation: int,
    of_batch: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """The results of batch_norm_grad, step by step."""
    kind = torch.promote_types(features.dtype, torch.float32)
    x, g, mean, variance = (one.to(kind) for one in (features, grad, mean, variance))
    if of_batch:  # again, because their derivative is asked for
        mean = x.mean(dim=0)
        variance = (x - mean).square().mean(dim=0)
    inverse = (variance + eps).rsqrt()
    normal = (x - mean) * inverse
    g = g * _slope(normal * weight + bias, activation)
    grad_weight, grad_bias = (g * normal).sum(dim=0), g.sum(dim=0)
    if of_batch:
        g = g - (grad_bias + normal * grad_weight) / len(x)
    grad_features = g * (inverse * weight)
    return grad_features.to(features.dtype), grad_weight.to(weight.dtype), grad_bias.to(bias.dtype)


def _slope(z: Tensor, activation: int) -> Tensor | float:
    """The activation's derivative."""
    match ACTIVATIONS[activation]:
        case "relu":
            return (z > 0).to(z.dtype)
        case "elu":
            return torch.where(z > 0, 1, z.clamp(max=0).exp())
        case "silu":
            sigmoid = z.sigmoid()
            return sigmoid * (1 + z * (1 - sigmoid))
        case _:
            return 1.0


unchecked_batch_norm = differentiable("batch_norm", _backward, _setup_context, num_leading=3)
_batch_norm_grad = differentiable("batch_norm_grad", _grad_backward, _grad_setup_context, num_leading=4)
