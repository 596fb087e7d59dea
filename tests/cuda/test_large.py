"""More than 2^31 elements: every row is read and written where it belongs. Sampled rows against torch."""

from collections.abc import Iterator

import pytest
import torch
from tests.tolerances import assert_near
from torch import Tensor

from completion import ops

BEYOND = 2**31
MEMORY = 45 * 2**30
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def freed_memory(gpu: torch.device) -> Iterator[None]:
    """Needs a GPU with memory to spare, and gives it back to other processes."""
    if torch.cuda.mem_get_info(gpu)[0] < MEMORY:
        pytest.skip(f"needs {MEMORY >> 30} GiB of free GPU memory")
    yield
    torch.cuda.empty_cache()


def features(rows: int, channels: int, device: torch.device) -> Tensor:
    """Normal numbers, bfloat16 [rows, channels]."""
    torch.manual_seed(0)
    return torch.empty(rows, channels, dtype=torch.bfloat16, device=device).normal_()


def sample(rows: int, device: torch.device) -> Tensor:
    """int64: the first rows, the last ones, those around 2^31 elements of 8, and random ones between."""
    ends = torch.arange(1000)
    between = torch.randint(0, rows, (8000,), generator=torch.Generator().manual_seed(0))
    return torch.cat([ends, rows - 1 - ends, between]).to(device)


def test_take_rows(gpu: torch.device):
    channels = 32
    rows = BEYOND // channels + 1003
    x = features(rows, channels, gpu)
    backwards = torch.arange(rows - 1, -1, -1, dtype=torch.int32, device=gpu)
    backwards[::7] = -1
    inverse = torch.full_like(backwards, -1)
    there = (backwards >= 0).nonzero()[:, 0]
    inverse[backwards[there].long()] = there.int()
    y = ops.take_rows(x, backwards, inverse)
    chosen = sample(rows, gpu)
    expected = x[backwards[chosen].long()].masked_fill(backwards[chosen, None] < 0, 0)
    assert torch.equal(y[chosen], expected)


@pytest.mark.parametrize("offsets", [1, 8])
def test_convolution(gpu: torch.device, offsets: int):
    channels = 8
    rows = BEYOND // channels + 1003
    x = features(rows, channels, gpu)
    weight = features(offsets * channels, channels, gpu).view(offsets, channels, channels)
    shifts = [37 * (k + 1) * 1_000_003 for k in range(offsets)]
    every_row = torch.arange(rows, dtype=torch.int32, device=gpu)
    table = torch.empty(rows, offsets, dtype=torch.int32, device=gpu)
    reverse = torch.empty_like(table)
    for k, shift in enumerate(shifts):
        table[:, k] = every_row.roll(-shift)
        reverse[:, k] = every_row.roll(shift)
    y = ops.convolution(x, weight, table, reverse)
    chosen = sample(rows, gpu)
    expected = sum(x[(chosen + shift) % rows].double() @ weight[k].double() for k, shift in enumerate(shifts))
    assert_near(y[chosen], expected)
