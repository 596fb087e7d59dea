"""The dense product of a generative layer k2 s2 in plain torch, without coordinates: the least there is.

Where the host is the limit, it says how much of that is torch's own: two passes of autograd.
"""

import torch

from bench.inputs import Surfaces
from bench.operands import operands
from bench.timing import Run


def grown(data: Surfaces, size: int, channels: int, dtype: torch.dtype) -> Run | None:
    """Forward and backward pass of `x [N, C] @ W [C, 8 C]`; None for kernels that overlap."""
    if size != 2:
        return None
    features, weight, _ = operands(len(data.coords), channels, size**3 * channels, 1, dtype, data.device)
    grad = torch.randn(len(data.coords), size**3 * channels, dtype=dtype, device=data.device)
    return lambda: torch.autograd.grad(features @ weight[0], (features, weight), grad)
