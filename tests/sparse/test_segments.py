"""Gather of repeated rows and its adjoint, and maxima, against loops; derivatives; the degenerate set."""

import pytest
import torch
from tests.tolerances import assert_near

from completion.sparse.row_links import invert_rows
from completion.sparse.segments import gather_rows, segment_max, segment_mean, segment_sum


def case(device, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    index = torch.randint(-1, 5, (40,), generator=generator)
    index[index == 3] = 2
    values = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    return values.to(device, dtype), index.to(device)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_sum_leaves_out_minus_one(dtype, device) -> None:
    values, index = case(device, dtype)
    expected = torch.stack([values.double()[index == s].sum(0) for s in range(6)])
    assert_near(segment_sum(values, index, 6), expected)


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("num_rows", [0, 1, 511, 512, 513, 5000])
def test_long_segments_are_summed_whole(num_rows, ascending, device) -> None:
    """They are added up in parts; some rows are left out, and one index never occurs."""
    index = torch.arange(num_rows, device=device) * 4 // num_rows - 1
    index[index == 1] = 2
    if not ascending:
        index = index[torch.randperm(num_rows, generator=torch.Generator().manual_seed(0)).to(device)]
    values = torch.randn(num_rows, 3, dtype=torch.float64, device=device).requires_grad_()
    expected = torch.stack([values[index == s].sum(0) for s in range(4)])
    sums = segment_sum(values, index, 4, ascending)
    assert_near(sums, expected)
    weight = torch.arange(12.0, dtype=torch.float64, device=device).view(4, 3)
    (grad,) = torch.autograd.grad((sums * weight).sum(), values)
    assert torch.equal(grad, torch.where((index >= 0)[:, None], weight[index], 0))


def test_gradient_of_rows_in_order_is_that_of_any(device) -> None:
    index = torch.tensor([-1, 0, 0, 2, 2, 2], device=device)
    grads = []
    for ascending in (False, True):
        values = torch.zeros(3, 2, dtype=torch.float64, device=device, requires_grad=True)
        rows = gather_rows(values, index, ascending)
        grads += torch.autograd.grad((rows * torch.arange(12.0, device=device).view(6, 2)).sum(), values)
    assert torch.equal(*grads) and grads[0][:, 0].tolist() == [6.0, 0.0, 24.0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_mean_is_zero_where_nothing_is_and_does_not_overflow(dtype, device) -> None:
    values, index = case(device, dtype)
    large = values + 30000 if dtype == torch.float16 else values
    expected = [large.double()[index == s] for s in range(6)]
    expected = torch.stack([rows.mean(0) if len(rows) else rows.sum(0) for rows in expected])
    assert_near(segment_mean(large, index, 6), expected)


def test_gather_gives_zeros_for_minus_one(device) -> None:
    values, index = case(device)
    rows = gather_rows(values[:5], index.int())
    for row, i in zip(rows, index.tolist(), strict=True):
        assert torch.equal(row, values[i] if i >= 0 else torch.zeros_like(row))


def test_max_takes_the_lowest_row_of_a_tie(device) -> None:
    values = torch.tensor([[-3.0], [-1.0], [-1.0], [5.0]], device=device, requires_grad=True)
    index = torch.tensor([0, 0, 0, 2], device=device)
    out = segment_max(values, index, 3)
    assert out[:, 0].tolist() == [-1.0, 0.0, 5.0]
    out.sum().backward()
    assert values.grad[:, 0].tolist() == [0.0, 1.0, 0.0, 1.0]


def test_max_passes_nan_on(device) -> None:
    values = torch.tensor([[1.0], [float("nan")], [2.0]], device=device)
    assert segment_max(values, torch.zeros(3, dtype=torch.long, device=device), 1).isnan().all()


def test_both_derivatives(device) -> None:
    values, index = case(device)
    small, index = values[:12].requires_grad_(), index[:12]
    for function in (
        lambda v: segment_sum(v, index, 6),
        lambda v: segment_mean(v, index, 6),
        lambda v: gather_rows(v, index),
        lambda v: segment_max(v, index.clamp(min=0), 6),
    ):
        assert torch.autograd.gradcheck(function, small)
        assert torch.autograd.gradgradcheck(function, small)


def test_nothing(device) -> None:
    none = torch.empty(0, 2, device=device, requires_grad=True)
    index = torch.empty(0, dtype=torch.long, device=device)
    assert segment_sum(none, index, 3).tolist() == segment_max(none, index, 3).tolist() == [[0.0, 0.0]] * 3
    assert gather_rows(none, index).shape == (0, 2)
    assert gather_rows(none, torch.full((4,), -1, device=device)).tolist() == [[0.0, 0.0]] * 4
    (segment_sum(none, index, 3).sum() + segment_max(none, index, 3).sum()).backward()
    assert none.grad.shape == (0, 2)


def test_invert_rows(device) -> None:
    rows = torch.tensor([2, -1, 0, -1, 4], dtype=torch.int32, device=device)
    assert invert_rows(rows, 6).tolist() == [2, -1, 0, -1, 4, -1]
    assert invert_rows(rows[:0], 2).tolist() == [-1, -1]
    assert invert_rows(torch.full((3,), -1, dtype=torch.int32, device=device), 0).tolist() == []
