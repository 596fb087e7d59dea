"""Dense products of features with one weight, and biases: the one place that decides their dtype and kernel.

Convolutions over a table go by the same rule inside completion.ops, with the sum of half types in float32.
"""

import torch
from torch import Tensor

from completion import ops
from completion.nn.functional.checks import check_row
from completion.nn.functional.dtypes import HALF_DTYPES, autocast_on


def dense_product(function: str, features: Tensor, weight: Tensor) -> Tensor:
    """`features [N, Cin] @ weight [Cin, C]` in one dtype: autocast's where it is on, else that of features.

    On the CPU it is the engine's own product: quicker than a BLAS on skinny matrices, and the same bits for
    every number of threads, which MKL does not give. On CUDA it is torch's.

    Raises:
        TypeError: the dtypes differ, other than a float32 weight beside half features, outside autocast.
    """
    if not autocast_on(features):
        weight = _matching(function, features, weight)
    if not features.is_cpu:
        return features @ weight
    rows = torch.arange(features.shape[0], dtype=torch.int32, device=features.device)[:, None]
    return ops.convolution(features, weight[None], rows, rows)  # a convolution of one offset


def linear(function: str, features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Features [N, C] of torch's linear layer, weight [C, Cin], by `dense_product`."""
    # A row or column is viewed: its gradient then has the weight's own strides, which torch's DDP asks for.
    size, in_channels = weight.shape
    across = weight.reshape(in_channels, size) if size == 1 or in_channels == 1 else weight.t()
    return add_bias(function, dense_product(function, features, across), bias)


def _matching(function: str, features: Tensor, weight: Tensor) -> Tensor:
    """The weight in the dtype of the features, where that is allowed."""
    if features.dtype in HALF_DTYPES and weight.dtype == torch.float32:
        return weight.to(features.dtype)
    if features.dtype != weight.dtype:
        raise TypeError(
            f"{function}: features must be of the weight's dtype {weight.dtype}, got {features.dtype}; "
            "convert one of them or use torch.autocast"
        )
    return weight


def add_bias(function: str, out: Tensor, bias: Tensor | None) -> Tensor:
    """Features [N, C] plus a bias [C], in the dtype of the features."""
    if bias is None:
        return out
    check_row(function, "bias", bias, out)
    return out + bias.to(out.dtype)
