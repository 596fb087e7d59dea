"""The coarse grid's linear layer on the CPU gives what torch's gives, values and gradients."""

import torch
from torch.nn import functional

from completion.models.dense_level import CellLinear


def test_cell_linear_is_torchs():
    torch.manual_seed(0)
    layer = CellLinear(5, 7).double()
    cells = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    expected = functional.linear(cells, layer.weight, layer.bias)
    torch.testing.assert_close(layer(cells), expected)
    grad = torch.randn_like(expected)
    leaves = (cells, layer.weight, layer.bias)
    torch.testing.assert_close(
        torch.autograd.grad(layer(cells), leaves, grad), torch.autograd.grad(expected, leaves, grad)
    )
