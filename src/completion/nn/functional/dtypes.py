"""Agreement of feature and weight dtypes, under autocast and without; the one place that decides it.

Convolutions over a table go by the same rule inside completion.ops, with the sum of half types in float32.
"""

import torch
from torch import Tensor

from completion import ops

HALF_DTYPES = (torch.bfloat16, torch.float16)
MIN_OWN_CHANNELS = 8  # below, most lanes of a vector would be idle


def dense_product(function: str, features: Tensor, weight: Tensor) -> Tensor:
    """`features [N, Cin] @ weight [Cin, C]` in one dtype: autocast's where it is on, else that of features.

    Raises:
        TypeError: the dtypes differ, other than a float32 weight beside half features, outside autocast.
    """
    if _autocast_on(features):
        return features @ weight
    if features.dtype in HALF_DTYPES and weight.dtype == torch.float32:
        weight = weight.to(features.dtype)
    if features.dtype != weight.dtype:
        raise TypeError(
            f"{function}: features must be of the weight's dtype {weight.dtype}, got {features.dtype}; "
            "convert one of them or use torch.autocast"
        )
    if features.is_cpu and weight.shape[1] >= MIN_OWN_CHANNELS and features.dtype not in HALF_DTYPES:
        return _own_product(features, weight)
    return features @ weight


def _own_product(features: Tensor, weight: Tensor) -> Tensor:
    """The product as a convolution of one offset, quicker here than a BLAS on skinny matrices."""
    rows = torch.arange(features.shape[0], dtype=torch.int32)[:, None]
    return ops.convolution(features, weight[None], rows, rows)


def widened(features: Tensor) -> Tensor:
    """Features to be summed and divided: half types as float32, so that no sum overflows."""
    return features.float() if features.dtype in HALF_DTYPES else features


def add_bias(out: Tensor, bias: Tensor | None) -> Tensor:
    """Features [N, C] plus a bias [C], in the dtype of the features."""
    return out if bias is None else out + bias.to(out.dtype)


def _autocast_on(features: Tensor) -> bool:
    return torch.is_autocast_enabled(features.device.type) and features.dtype != torch.float64
