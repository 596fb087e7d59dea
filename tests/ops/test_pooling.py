"""pool_sum and pool_max against plain torch: values, first and second derivatives, words."""

import pytest
import torch
from tests.ops.neighbour_tables import TABLES, tables
from tests.ops.voxel_sets import assert_same
from tests.tolerances import assert_near

from completion import ops
from completion.ops import reference
from completion.ops.checks import FEATURE_DTYPES

SMALL = "an empty batch item"


@pytest.mark.parametrize("dtype", FEATURE_DTYPES, ids=str)
@pytest.mark.parametrize("name", TABLES)
def test_sum_and_its_gradient_equal_the_reference(name: str, dtype: torch.dtype, device: torch.device):
    table, reverse = tables(name, device)
    features = torch.randn(reverse.shape[0], 3, device=device).to(dtype).requires_grad_()
    exact = features.detach().double().requires_grad_()
    summed, expected = ops.pool_sum(features, table, reverse), reference.pool_sum(exact, table, reverse)
    assert summed.dtype == dtype
    assert_near(summed, expected)
    grad = torch.randn_like(expected).to(dtype)
    (actual,) = torch.autograd.grad(summed, features, grad)
    assert_near(actual, torch.autograd.grad(expected, exact, grad.double())[0])


@pytest.mark.parametrize("dtype", FEATURE_DTYPES, ids=str)
@pytest.mark.parametrize(("name", "channels"), [*((name, 3) for name in TABLES), ("two sets", 17)])
def test_max_and_its_gradient_equal_the_reference(
    name: str, channels: int, dtype: torch.dtype, device: torch.device
):
    table, reverse = tables(name, device)
    features = torch.randn(reverse.shape[0], channels, device=device).round(decimals=1)  # with ties
    features = features.to(dtype).requires_grad_()
    (values, arg), (expected, expected_arg) = (
        ops.pool_max(features, table),
        reference.pool_max(features, table),
    )
    assert_same(values, expected)
    assert_same(arg, expected_arg)
    grad = torch.randn_like(values)
    (actual,) = torch.autograd.grad(values, features, grad)
    exact = features.detach().double().requires_grad_()
    (wanted,) = torch.autograd.grad(reference.pool_max(exact, table)[0], exact, grad.double())
    assert_near(actual, wanted)


def test_max_of_negative_values_and_of_nan(device: torch.device):
    table = torch.tensor([[0, 1], [1, -1], [-1, -1], [2, 1]], dtype=torch.int32, device=device)
    features = torch.tensor([[-3.0], [-2.0], [float("nan")]], device=device)
    values, arg = ops.pool_max(features, table)
    assert values[:3, 0].tolist() == [-2.0, -2.0, 0.0]
    assert values[3, 0].isnan()
    assert arg[:, 0].tolist() == [1, 1, -1, 2]


@pytest.mark.parametrize("name", [SMALL, "one voxel"])
def test_gradcheck_twice(name: str, device: torch.device):
    table, reverse = tables(name, device)
    features = torch.randn(reverse.shape[0], 3, dtype=torch.float64, device=device, requires_grad=True)
    for pool in (lambda x: ops.pool_sum(x, table, reverse), lambda x: ops.pool_max(x, table)[0]):
        assert torch.autograd.gradcheck(pool, features)
        assert torch.autograd.gradgradcheck(pool, features)


def test_non_contiguous_input(device: torch.device):
    table, reverse = tables("a surface", device)
    features = torch.randn(5, reverse.shape[0], device=device).T
    transposed = table.T.contiguous().T
    assert_same(ops.pool_max(features, transposed), reference.pool_max(features, table))
    assert_near(ops.pool_sum(features, transposed, reverse), reference.pool_sum(features, table, reverse))


def test_error_words(device: torch.device):
    table, reverse = tables(SMALL, device)
    features = torch.randn(reverse.shape[0], 3, device=device)
    with pytest.raises(
        ValueError, match=r"pool_sum: reverse must have N = 3 as features, got 2; pass the match"
    ):
        ops.pool_sum(features, table, reverse[:2])
    with pytest.raises(TypeError, match="pool_max: table must be int32, got int64; convert it first"):
        ops.pool_max(features, table.long())


def test_opcheck(device: torch.device):
    table, reverse = tables(SMALL, device)
    features = torch.randn(reverse.shape[0], 3, device=device, requires_grad=True)
    arg = ops.pool_max(features, table)[1]
    torch.library.opcheck(torch.ops.completion.pool_sum, (features, table, reverse))
    torch.library.opcheck(torch.ops.completion.pool_max, (features, table))
    torch.library.opcheck(torch.ops.completion.pool_max_grad, (torch.randn_like(features), arg, reverse))
