"""layer_norm against torch's function in float64: values, gradients of both orders."""

import pytest
import torch
from tests.tolerances import assert_near
from torch import Tensor

from completion import ops
from completion.ops import reference
from completion.ops.checks import FEATURE_DTYPES

# No row and one, one part of the rows and several, widths below, above and beside a vector's.
SIZES = [(0, 4), (1, 1), (2, 5), (65, 16), (1030, 64), (9000, 20), (33, 300), (40, 5000)]


def make_inputs(size: tuple[int, int], dtype: torch.dtype, device: torch.device) -> list[Tensor]:
    """features [N, C] about 1, weight and bias [C], gradient [N, C]; the same on every device."""
    generator = torch.Generator().manual_seed(sum(size))
    columns = torch.float64 if dtype == torch.float64 else torch.float32
    features, grad = (torch.randn(size, generator=generator, dtype=torch.float64) for _ in range(2))
    weight, bias = (torch.rand(size[1], generator=generator, dtype=torch.float64) + 0.5 for _ in range(2))
    features, grad = (features + 1).to(device, dtype), grad.to(device, dtype)
    return [features, weight.to(device, columns), bias.to(device, columns), grad]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("dtype", FEATURE_DTYPES, ids=str)
def test_equals_the_reference(dtype: torch.dtype, size: tuple[int, int], device: torch.device):
    *inputs, grad = make_inputs(size, dtype, device)
    results = []
    for module in (ops, reference):
        leaves = [one.clone().requires_grad_() for one in inputs]
        out = module.layer_norm(*leaves, 1e-2)
        results.append([out, *torch.autograd.grad(out, leaves, grad)])
    for actual, right in zip(*results, strict=True):
        assert actual.dtype == right.dtype
        assert_near(actual.detach(), right.detach())


def test_gradcheck_twice(device: torch.device):
    *inputs, _ = make_inputs((7, 5), torch.float64, device)
    leaves = [one.requires_grad_() for one in inputs]
    assert torch.autograd.gradcheck(lambda *given: ops.layer_norm(*given, 1e-5), leaves)
    assert torch.autograd.gradgradcheck(lambda *given: ops.layer_norm(*given, 1e-5), leaves)


def test_what_is_not_finite_stays_in_its_row(device: torch.device):
    features, weight, bias, _ = make_inputs((40, 24), torch.float32, device)
    features[7, 1], features[20, 3] = torch.nan, torch.inf
    out = ops.layer_norm(features, weight, bias, 1e-5)
    wrong = [row for row in range(40) if not out[row].isfinite().all()]
    assert wrong == [7, 20] and out[7].isnan().all()


def test_a_far_mean_costs_few_digits(device: torch.device):
    """Rows of mean 1000 and deviation 1: their float32 steps are 6e-5."""
    generator = torch.Generator().manual_seed(0)
    rows = (1000 + torch.randn(50, 200, generator=generator)).to(device)
    ones = torch.ones(200, device=device)
    out = ops.layer_norm(rows, ones, 0 * ones, 0.0)
    exact = reference.layer_norm(rows.double(), ones.double(), 0 * ones.double(), 0.0)
    assert (out - exact).abs().max() < 2e-4


def test_equal_numbers_become_the_bias(device: torch.device):
    features = torch.full((5, 8), 3.5, device=device).requires_grad_()
    _, weight, bias, grad = make_inputs((5, 8), torch.float32, device)
    out = ops.layer_norm(features, weight, bias, 1e-5)
    assert (out == bias).all()
    assert torch.autograd.grad(out, features, grad)[0].isfinite().all()


def test_columns_of_another_dtype(device: torch.device):
    """Of a module that was cast as a whole: gradients come in the columns' own dtypes."""
    features, weight, bias, grad = make_inputs((50, 6), torch.bfloat16, device)
    leaves = features, weight.bfloat16().requires_grad_(), bias.requires_grad_()
    out = ops.layer_norm(*leaves, 1e-5)
    grads = torch.autograd.grad(out, leaves[1:], grad)
    assert out.dtype == grads[0].dtype == torch.bfloat16 and grads[1].dtype == torch.float32
    assert_near(out.detach(), reference.layer_norm(*leaves, 1e-5).detach())


def test_non_contiguous_input(device: torch.device):
    features, weight, bias, grad = make_inputs((60, 9), torch.float32, device)
    inputs = features[::2, 1::2], weight[:8:2], bias[1::2]
    leaves = [one.detach().requires_grad_() for one in inputs]
    copies = [one.detach().clone().requires_grad_() for one in inputs]
    out, right = ops.layer_norm(*leaves, 1e-5), reference.layer_norm(*copies, 1e-5)
    assert_near(out.detach(), right.detach())
    grad = grad.T[:4, ::2].T
    wanted = torch.autograd.grad(right, copies, grad)
    for actual, value in zip(torch.autograd.grad(out, leaves, grad), wanted, strict=True):
        assert_near(actual, value)


def test_autocast_keeps_the_dtype(device: torch.device):
    *inputs, _ = make_inputs((4, 8), torch.float32, device)
    with torch.autocast(device.type, torch.bfloat16):
        assert ops.layer_norm(*inputs, 1e-5).dtype == torch.float32


def test_opcheck(device: torch.device):
    features, weight, bias, grad = make_inputs((20, 3), torch.float32, device)
    leaves = [one.requires_grad_() for one in (features, weight, bias)]
    torch.library.opcheck(torch.ops.completion.layer_norm.default, (*leaves, 1e-5))
    torch.library.opcheck(torch.ops.completion.layer_norm_grad.default, (grad, *leaves[:2], 1e-5))
