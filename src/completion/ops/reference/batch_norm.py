"""Statistics of columns, and normalisation with an activation."""

import torch
from torch import Tensor
from torch.nn import functional as dense


def batch_statistics(
    features: Tensor, running_mean: Tensor, running_variance: Tensor, num_batches: Tensor, momentum: float
) -> tuple[Tensor, Tensor]:
    """Mean and variance (divided by N) of each column; the running ones (divided by N - 1) move.

    Args:
        features: [N, C], N ≥ 2.
        running_mean: [C].
        running_variance: [C].
        num_batches: int64 [].
        momentum: share of the new.
    """
    wide = features.double()
    mean, centred = wide.mean(dim=0), wide - wide.mean(dim=0)
    squares = centred.square().sum(dim=0)
    running_mean.copy_((1 - momentum) * running_mean + momentum * mean)
    running_variance.copy_((1 - momentum) * running_variance + momentum * squares / (len(wide) - 1))
    num_batches += 1
    dtype = torch.float64 if features.dtype == torch.float64 else torch.float32
    return mean.to(dtype), (squares / len(wide)).to(dtype)


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
    """Normalised features [N, C] by torch's own functions, differentiable in features, weight and bias.

    Args:
        features: [N, C].
        weight: [C].
        bias: [C].
        mean: [C]; found again where of_batch.
        variance: [C]; likewise.
        eps: added to the variance.
        activation: "none", "relu", "elu" or "silu".
        of_batch: whether mean and variance are those of the features.
    """
    statistics = (None, None) if of_batch else (mean.double(), variance.double())
    normal = dense.batch_norm(
        features.double(), *statistics, weight.double(), bias.double(), training=of_batch, eps=eps
    )
    return (normal if activation == "none" else getattr(dense, activation)(normal)).to(features.dtype)
