"""Normalisation of each row."""

from torch import Tensor
from torch.nn import functional as dense


def layer_norm(features: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Normalised features [N, C] by torch's own function in float64, differentiable in all three.

    Args:
        features: [N, C].
        weight: [C].
        bias: [C].
        eps: added to the variance.
    """
    wide = dense.layer_norm(features.double(), (features.shape[1],), weight.double(), bias.double(), eps)
    return wide.to(features.dtype)
