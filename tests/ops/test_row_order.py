"""row_order against a sort in Python."""

import pytest
import torch

from completion import ops
from completion.ops import reference


@pytest.mark.parametrize(
    ("rows", "offsets"),
    [(0, 3), (1, 27), (37, 1), (5000, 27), (9000, 64), (300, 125), (500, 50), (70_000, 27), (17_000, 64)],
)
def test_order_is_that_of_a_sort(device, rows, offsets):
    generator = torch.Generator().manual_seed(rows)
    few = torch.randint(-2, 3, (60, offsets), dtype=torch.int32, generator=generator)
    table = few[torch.randint(60, (rows,), generator=generator)].to(device)  # many rows are alike
    order = ops.row_order(table)
    assert order.dtype == torch.int32
    assert order.tolist() == reference.row_order(table).tolist()


def test_rows_with_like_neighbours_become_neighbours(device):
    table = torch.tensor([[0, -1], [-1, 1], [2, -1], [-1, 3]], dtype=torch.int32, device=device)
    assert ops.row_order(table).tolist() == [0, 2, 1, 3]


def test_strided_tables(device):
    table = torch.randint(-1, 1, (27, 500), dtype=torch.int32).to(device).t()
    assert torch.equal(ops.row_order(table), ops.row_order(table.contiguous()))


def test_opcheck(device):
    table = torch.randint(-1, 1, (50, 8), dtype=torch.int32).to(device)
    torch.library.opcheck(torch.ops.completion.row_order, (table,))
