"""What dtypes the features of an operation take: half types widened for sums, and autocast's choice."""

import torch
from torch import Tensor

HALF_DTYPES = (torch.bfloat16, torch.float16)


def widened(features: Tensor) -> Tensor:
    """Features to be summed and divided: half types as float32, so that no sum overflows."""
    return features.float() if features.dtype in HALF_DTYPES else features


def autocast_on(features: Tensor) -> bool:
    """Whether autocast decides the dtype of products of these features."""
    device = features.device.type
    return device != "meta" and torch.is_autocast_enabled(device) and features.dtype != torch.float64
