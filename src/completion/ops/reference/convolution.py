"""Sparse convolution over a neighbour table, one dense product per offset; autograd differentiates it."""

import torch
from torch import Tensor

from completion.ops.reference.take_rows import take_rows


def convolution(features: Tensor, weight: Tensor, table: Tensor, reverse: Tensor) -> Tensor:
    """`y[m] = sum_k features[table[m, k]] @ weight[k]` over the k whose table entry is not -1.

    Args:
        features: [N, Cin].
        weight: [K, Cin, Cout].
        table: int32 [M, K] source rows.
        reverse: int32 [N, K] target rows; not needed here, part of the operator's signature.

    Returns:
        [M, Cout] in the dtype of features; half types are summed in float32.
    """
    wide = accumulation_dtype(features.dtype)
    x, w = features.to(wide), weight.to(wide)
    out = x.new_zeros(table.shape[0], weight.shape[2])
    for k in range(weight.shape[0]):
        out = out + take_rows(x, table[:, k]) @ w[k]
    return out.to(features.dtype)


def convolution_grad_weight(features: Tensor, grad: Tensor, table: Tensor, reverse: Tensor) -> Tensor:
    """`sum_m features[table[m, k]]^T grad[m]` for each k: [K, Cin, Cout] in the dtype of features.

    Args:
        features: [N, Cin].
        grad: [M, Cout].
        table: int32 [M, K] source rows.
        reverse: int32 [N, K] target rows; not needed here.
    """
    wide = accumulation_dtype(features.dtype)
    x, g = features.to(wide), grad.to(wide)
    out = [take_rows(x, table[:, k]).T @ g for k in range(table.shape[1])]
    if not out:
        return features.new_zeros(0, features.shape[1], grad.shape[1])
    return torch.stack(out).to(features.dtype)


def accumulation_dtype(dtype: torch.dtype) -> torch.dtype:
    """float64 for float64, float32 for everything narrower."""
    return torch.float64 if dtype == torch.float64 else torch.float32
