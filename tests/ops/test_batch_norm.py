"""batch_statistics and batch_norm against torch's functions in float64: values, gradients of both orders."""

import pytest
import torch
from tests.tolerances import assert_near
from torch import Tensor

from completion import ops
from completion.ops import reference
from completion.ops.batch_norm import ACTIVATIONS
from completion.ops.checks import FEATURE_DTYPES

# One part of the rows and several, rows that fill no long one, widths below and above a vector.
SIZES = [(2, 1), (2, 5), (7, 3), (65, 16), (1030, 64), (9000, 20), (33, 300), (40, 5000)]


def make_columns(channels: int, dtype: torch.dtype, device: torch.device) -> list[Tensor]:
    """weight, bias, mean and variance [C], the last above zero."""
    generator = torch.Generator().manual_seed(channels)
    values = [torch.rand(channels, generator=generator, dtype=torch.float64) + 0.5 for _ in range(4)]
    return [value.to(device, dtype) for value in values]


def make_features(size: tuple[int, int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Normal numbers about 1, the same on every device."""
    generator = torch.Generator().manual_seed(sum(size))
    return (torch.randn(size, generator=generator) + 1).to(device, dtype)


def column_dtype(dtype: torch.dtype) -> torch.dtype:
    """Of what stands beside features of a dtype."""
    return torch.float64 if dtype == torch.float64 else torch.float32


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("dtype", FEATURE_DTYPES, ids=str)
def test_statistics_equal_the_reference(dtype: torch.dtype, size: tuple[int, int], device: torch.device):
    features, kind = make_features(size, dtype, device), column_dtype(dtype)
    running = [*make_columns(size[1], kind, device)[:2], torch.tensor(4, device=device)]
    expected = [one.clone() for one in running]
    ours = ops.batch_statistics(features, *running, 0.25)
    wanted = reference.batch_statistics(features, *expected, 0.25)
    for actual, right in zip((*ours, *running[:2]), (*wanted, *expected[:2]), strict=True):
        assert actual.dtype == right.dtype
        assert_near(actual, right)
    assert running[2] == 5


@pytest.mark.parametrize("of_batch", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("dtype", FEATURE_DTYPES, ids=str)
def test_equals_the_reference(dtype, size, activation, of_batch, device: torch.device):
    features, kind = make_features(size, dtype, device), column_dtype(dtype)
    weight, bias, mean, variance = make_columns(size[1], kind, device)
    if of_batch:
        moved = mean.clone(), variance.clone(), torch.tensor(0, device=device)
        mean, variance = ops.batch_statistics(features, *moved, 0.1)
    grad = make_features((size[0] + 1, size[1]), dtype, device)[1:]
    results = []
    for module in (ops, reference):
        leaves = [one.clone().requires_grad_() for one in (features, weight, bias)]
        out = module.batch_norm(*leaves, mean, variance, 1e-2, activation, of_batch)
        results.append([out, *torch.autograd.grad(out, leaves, grad)])
    for actual, right in zip(*results, strict=True):
        assert actual.dtype == right.dtype
        assert_near(actual.detach(), right.detach())


@pytest.mark.parametrize("of_batch", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradcheck_twice(activation: str, of_batch: bool, device: torch.device):
    features = make_features((9, 3), torch.float64, device).requires_grad_()
    weight, bias, *statistics = make_columns(3, torch.float64, device)

    def norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        found = (x.detach().mean(dim=0), x.detach().var(dim=0, correction=0)) if of_batch else statistics
        return ops.batch_norm(x, weight, bias, *found, 1e-5, activation, of_batch)

    leaves = features, weight.requires_grad_(), bias.requires_grad_()
    assert torch.autograd.gradcheck(norm, leaves)
    assert torch.autograd.gradgradcheck(norm, leaves)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("activation", ["elu", "silu"])
def test_activations_keep_their_digits_everywhere(activation: str, dtype: torch.dtype, device: torch.device):
    """About zero, where exp(x) - 1 cancels, and far out, where exp(x) leaves the range."""
    near = torch.logspace(-9, 0, 400, dtype=dtype)
    far = torch.tensor([30, 59, 61, 87, 89, 200, 599, 601, 720, 1e4, 1e30], dtype=dtype)
    x = torch.cat([near, -near, far, -far, torch.zeros(1, dtype=dtype)])[:, None].to(device)
    zero, one = torch.zeros(1, dtype=dtype, device=device), torch.ones(1, dtype=dtype, device=device)
    leaf = x.clone().requires_grad_()
    out = ops.batch_norm(leaf, one, zero, zero, one, 0.0, activation)
    wide = x.double().requires_grad_()
    expected = getattr(torch.nn.functional, activation)(wide)
    slope, right = (torch.autograd.grad(y.sum(), z)[0] for y, z in ((out, leaf), (expected, wide)))
    digits = 4 * torch.finfo(dtype).eps
    for actual, value in ((out.detach().double(), expected.detach()), (slope.double(), right)):
        assert ((actual - value).abs() <= digits * value.abs() + 1e-23).all()


def test_what_is_not_finite_stays_in_its_column(device: torch.device):
    features = make_features((40, 3), torch.float32, device)
    features[7, 1] = torch.nan
    columns = make_columns(3, torch.float32, device)
    moved = torch.zeros(3, device=device), torch.ones(3, device=device), torch.tensor(0, device=device)
    mean, variance = ops.batch_statistics(features, *moved, 0.1)
    for activation in ACTIVATIONS:
        out = ops.batch_norm(features, *columns[:2], mean, variance, 1e-5, activation, True)
        assert out[:, 1].isnan().all() and out[:, [0, 2]].isfinite().all(), activation
        alone = ops.batch_norm(features, *columns, 1e-5, activation)
        assert alone.isnan().sum() == 1 and alone[7, 1].isnan(), activation


def test_a_far_mean_costs_no_digits(device: torch.device):
    """A hundred thousand rows of mean 1000 and deviation 0.01: their float32 steps are 6e-5."""
    generator = torch.Generator().manual_seed(0)
    rows = (1000 + 0.01 * torch.randn(100_000, 2, generator=generator)).to(device)
    moved = torch.zeros(2, device=device), torch.ones(2, device=device), torch.tensor(0, device=device)
    mean, variance = ops.batch_statistics(rows, *moved, 0.1)
    exact = rows.double()
    assert ((mean - exact.mean(dim=0)).abs() <= 1e-4).all()
    assert_near(variance / exact.var(dim=0, correction=0).float(), torch.ones(2))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_constant_statistics_take_nothing_of_a_gradient(activation: str, device: torch.device):
    """Of an infinite feature comes what autograd says: the slope there."""
    features = make_features((40, 3), torch.float32, device)
    features[7, 1] = torch.inf
    features.requires_grad_()
    out = ops.batch_norm(features, *make_columns(3, torch.float32, device), 1e-5, activation)
    (grad,) = torch.autograd.grad(out[:, 1].sum(), features)
    assert grad.isfinite().sum() >= 40 * 3 - (activation == "silu") and not grad[:, [0, 2]].any()


def test_an_outlier_in_the_first_row_leaves_a_variance(device: torch.device):
    """The worst for differences to the first row: all others are equal."""
    rows = torch.zeros(1_000_000, 1, device=device)
    rows[0] = 1e4
    moved = torch.zeros(1, device=device), torch.ones(1, device=device), torch.tensor(0, device=device)
    _, variance = ops.batch_statistics(rows, *moved, 0.1)
    exact = rows.double().var(dim=0, correction=0)
    assert ((variance - exact).abs() <= 0.02 * exact).all()


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows_by_given_statistics(rows: int, device: torch.device):
    features = make_features((rows, 3), torch.float32, device).requires_grad_()
    columns = make_columns(3, torch.float32, device)
    weight = columns[0].requires_grad_()
    out = ops.batch_norm(features, *columns, 1e-5, "silu")
    assert_near(out, reference.batch_norm(features, *columns, 1e-5, "silu"))
    grads = torch.autograd.grad(out.sum(), (features, weight))
    assert grads[0].shape == (rows, 3) and (rows or not grads[1].any())


def test_columns_of_other_dtypes(device: torch.device):
    """Of a module that was cast as a whole: statistics move in their own dtype, gradients come in it."""
    features = make_features((50, 6), torch.bfloat16, device)
    weight, bias, mean, variance = make_columns(6, torch.bfloat16, device)
    expected = [mean.clone(), variance.clone(), torch.tensor(0, device=device)]
    moved = [mean, variance, torch.tensor(0, device=device)]
    statistics = ops.batch_statistics(features, *moved, 0.1)
    reference.batch_statistics(features, *expected, 0.1)
    assert mean.dtype == torch.bfloat16
    for actual, right in zip(moved[:2], expected[:2], strict=True):
        assert_near(actual, right)
    weight.requires_grad_()
    out = ops.batch_norm(features, weight, bias, *statistics, 1e-5, "relu", True)
    (grad,) = torch.autograd.grad(out.sum(), weight)
    assert out.dtype == grad.dtype == torch.bfloat16


def test_non_contiguous_input(device: torch.device):
    features = make_features((60, 8), torch.float32, device)[::2, 1::3]
    columns = [column[::2] for column in make_columns(5, torch.float32, device)]
    out = ops.batch_norm(features, *columns, 1e-5, "elu")
    assert_near(out, reference.batch_norm(features.contiguous(), *columns, 1e-5, "elu"))
    moved = (
        torch.zeros(6, device=device)[::2],
        torch.ones(6, device=device)[::2],
        torch.tensor(0, device=device),
    )
    mean, _ = ops.batch_statistics(features, *moved, 0.5)
    assert_near(moved[0], mean / 2)


def test_opcheck(device: torch.device):
    features = make_features((20, 3), torch.float32, device).requires_grad_()
    weight, bias, mean, variance = make_columns(3, torch.float32, device)
    given = features, weight.requires_grad_(), bias.requires_grad_(), mean, variance, 1e-5, 2, True
    torch.library.opcheck(torch.ops.completion.batch_norm.default, given)
    torch.library.opcheck(torch.ops.completion.batch_norm_grad.default, (features.detach(), *given))
    moved = mean, variance, torch.tensor(0, device=device), 0.1
    torch.library.opcheck(torch.ops.completion.batch_statistics.default, (features.detach(), *moved))
