"""Random features, weight and gradient of a layer: the same kind for every library."""

import torch
from torch import Tensor


def operands(
    rows: int, cin: int, cout: int, offsets: int, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor, Tensor]:
    """Features and weight that take gradients, and the gradient that comes back."""
    features = torch.randn(rows, cin, dtype=dtype, device=device, requires_grad=True)
    weight = torch.randn(offsets, cin, cout, device=device) / (offsets * cin) ** 0.5
    grad = torch.randn(rows, cout, dtype=dtype, device=device)
    return features, weight.to(dtype).requires_grad_(), grad
