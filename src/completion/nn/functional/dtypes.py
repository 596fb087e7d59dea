"""Agreement of feature and weight dtypes, under autocast and without; the one place that decides it.

Convolutions over a table go by the same rule inside completion.ops, with the sum of half types in float32.
"""

import torch
from torch import Tensor

HALF_DTYPES = (torch.bfloat16, torch.float16)


def dense_product(function: str, features: Tensor, weight: Tensor) -> Tensor:
    """`features [N, Cin] @ weight [Cin, C]` in one dtype: autocast's where it is on, else that of features.

    The product is torch's: on the CPU the same bits in every run, and for every number of threads where
    widths are multiples of 16; with others MKL's bits changed from four threads on.

    Raises:
        TypeError: the dtypes differ, other than a float32 weight beside half features, outside autocast.
    """
    if autocast_on(features):
        return features @ weight
    if features.dtype in HALF_DTYPES and weight.dtype == torch.float32:
        weight = weight.to(features.dtype)
    if features.dtype != weight.dtype:
        raise TypeError(
            f"{function}: features must be of the weight's dtype {weight.dtype}, got {features.dtype}; "
            "convert one of them or use torch.autocast"
        )
    return features @ weight


def widened(features: Tensor) -> Tensor:
    """Features to be summed and divided: half types as float32, so that no sum overflows."""
    return features.float() if features.dtype in HALF_DTYPES else features


def autocast_on(features: Tensor) -> bool:
    """Whether autocast decides the dtype of products of these features."""
    device = features.device.type
    return device != "meta" and torch.is_autocast_enabled(device) and features.dtype != torch.float64
