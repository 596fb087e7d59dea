"""add_rows against indexing and adding in plain torch: values, gradients."""

import pytest
import torch
from tests.ops.test_take_rows import row_pair
from tests.ops.voxel_sets import assert_same

from completion import ops
from completion.ops import reference
from completion.ops.checks import FEATURE_DTYPES


@pytest.mark.parametrize("channels", [0, 1, 3, 16, 20, 32, 64])
@pytest.mark.parametrize("sizes", [(0, 0, 0), (0, 9, 5), (5, 3, 0), (1, 1, 2), (300, 200, 2000)], ids=str)
@pytest.mark.parametrize("dtype", FEATURE_DTYPES, ids=str)
def test_equals_the_reference(
    dtype: torch.dtype, sizes: tuple[int, int, int], channels: int, device: torch.device
):
    pairs = [row_pair(sizes[side], sizes[2], device, seed=side) for side in (0, 1)]
    leaves = [torch.randn(n, channels, device=device).to(dtype).requires_grad_() for n in sizes[:2]]
    grad = torch.randn(sizes[2], channels, device=device).to(dtype)
    arguments = (leaves[0], *pairs[0], leaves[1], *pairs[1])
    added, expected = ops.add_rows(*arguments), reference.add_rows(*arguments)
    assert_same(added, expected)
    for value, right in zip(
        torch.autograd.grad(added, leaves, grad), torch.autograd.grad(expected, leaves, grad), strict=True
    ):
        assert_same(value, right)


def test_a_sum_larger_than_the_caches(device: torch.device):
    pairs = [row_pair(90_000, 140_000, device, seed=side) for side in (0, 1)]
    first, second = (torch.randn(90_000, 64, device=device) for _ in range(2))
    arguments = (first, *pairs[0], second, *pairs[1])
    assert_same(ops.add_rows(*arguments), reference.add_rows(*arguments))


def test_what_is_not_finite_stays_in_its_row(device: torch.device):
    pairs = [
        torch.tensor(rows, dtype=torch.int32, device=device) for rows in ([0, -1, 1], [0, 2], [-1, 0, 1])
    ]
    for dtype in FEATURE_DTYPES:
        first = torch.tensor([[torch.nan], [torch.inf]], device=device).to(dtype)
        second = torch.tensor([[1.0], [-torch.inf]], device=device).to(dtype)
        inverse = torch.tensor([1, 2], dtype=torch.int32, device=device)
        added = ops.add_rows(first, pairs[0], pairs[1], second, pairs[2], inverse)
        assert_same(added.isnan().flatten(), torch.tensor([True, False, True], device=device))
        assert added[1] == 1


def test_gradcheck_twice(device: torch.device):
    pairs = [row_pair(5, 4, device), row_pair(6, 4, device, seed=1)]
    leaves = [torch.randn(n, 3, dtype=torch.float64, device=device, requires_grad=True) for n in (5, 6)]
    add = lambda a, b: ops.add_rows(a, *pairs[0], b, *pairs[1])  # noqa: E731
    assert torch.autograd.gradcheck(add, leaves)
    assert torch.autograd.gradgradcheck(add, leaves)


def test_non_contiguous_input(device: torch.device):
    pair = row_pair(30, 20, device)
    features = torch.randn(60, 8, device=device)[::2, 1::3]
    added = ops.add_rows(features, *pair, features, *pair)
    assert_same(added, 2 * reference.take_rows(features.contiguous(), pair[0]))


def test_opcheck(device: torch.device):
    pair = row_pair(5, 4, device)
    features = torch.randn(5, 3, device=device, requires_grad=True)
    torch.library.opcheck(torch.ops.completion.add_rows, (features, *pair, features, *pair))
