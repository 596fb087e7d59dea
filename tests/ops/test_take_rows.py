"""take_rows against indexing in plain torch: values, gradients, words."""

import pytest
import torch
from tests.ops.voxel_sets import assert_same
from torch import Tensor

from completion import ops
from completion.ops import reference
from completion.ops.checks import FEATURE_DTYPES


def row_pair(num_source: int, num_target: int, device: torch.device, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random rows [M] int32 with about half of them −1, none twice, and their converse [N]."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.full((num_target,), -1, dtype=torch.int32)
    taken = torch.randperm(num_source, generator=generator)[: num_target // 2]
    places = torch.randperm(num_target, generator=generator)[: taken.numel()]
    rows[places] = taken.int()
    inverse = torch.full((num_source,), -1, dtype=torch.int32)
    inverse[taken] = places.int()
    return rows.to(device), inverse.to(device)


@pytest.mark.parametrize("channels", [1, 3, 16])
@pytest.mark.parametrize("sizes", [(0, 0), (0, 5), (5, 0), (1, 2), (300, 200)], ids=str)
@pytest.mark.parametrize("dtype", FEATURE_DTYPES, ids=str)
def test_equals_the_reference(
    dtype: torch.dtype, sizes: tuple[int, int], channels: int, device: torch.device
):
    rows, inverse = row_pair(*sizes, device)
    features = torch.randn(sizes[0], channels, device=device).to(dtype).requires_grad_()
    grad = torch.randn(sizes[1], channels, device=device).to(dtype)
    taken, expected = ops.take_rows(features, rows, inverse), reference.take_rows(features, rows, inverse)
    assert_same(taken, expected)
    assert_same(
        torch.autograd.grad(taken, features, grad)[0], torch.autograd.grad(expected, features, grad)[0]
    )


def test_gradcheck_twice(device: torch.device):
    rows, inverse = row_pair(5, 4, device)
    features = torch.randn(5, 3, dtype=torch.float64, device=device, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: ops.take_rows(x, rows, inverse), features)
    assert torch.autograd.gradgradcheck(lambda x: ops.take_rows(x, rows, inverse), features)


def test_non_contiguous_input(device: torch.device):
    rows, inverse = row_pair(30, 20, device)
    features = torch.randn(60, 8, device=device)[::2, 1::3]
    taken = ops.take_rows(features, rows, inverse)
    assert_same(taken, reference.take_rows(features.contiguous(), rows))


def test_error_words(device: torch.device):
    rows, inverse = row_pair(5, 4, device)
    features = torch.randn(6, 3, device=device)
    with pytest.raises(
        ValueError, match="take_rows: inverse must have N = 6 as features, got 5; pass the matching"
    ):
        ops.take_rows(features, rows, inverse)
    with pytest.raises(
        TypeError, match=r"take_rows: features must be float32 or .*, got int64; convert it first"
    ):
        ops.take_rows(features.long(), rows, inverse)


def test_opcheck(device: torch.device):
    rows, inverse = row_pair(5, 4, device)
    features = torch.randn(5, 3, device=device, requires_grad=True)
    torch.library.opcheck(torch.ops.completion.take_rows, (features, rows, inverse))
