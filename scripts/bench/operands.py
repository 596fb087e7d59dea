"""Random features, weight and gradient of a layer: the same kind for every library."""

import torch
from torch import Tensor


def operands(
    rows: int, cin: int, cout: int, offsets: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Features and weight that take gradients, and the gradient that comes back."""
    features = torch.randn(rows, cin, dtype=dtype, requires_grad=True)
    weight = (torch.randn(offsets, cin, cout) / (offsets * cin) ** 0.5).to(dtype).requires_grad_()
    return features, weight, torch.randn(rows, cout, dtype=dtype)
