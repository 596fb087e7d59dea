"""Tests of what only a GPU can show. A machine without one collects none, instead of skipping all."""

from collections.abc import Iterator

import pytest
import torch

collect_ignore_glob = [] if torch.cuda.is_available() else ["test_*.py"]


@pytest.fixture
def gpu() -> torch.device:
    """The current device, with its index, as tensors have it."""
    return torch.device("cuda", torch.cuda.current_device())


@pytest.fixture(params=[False, True], ids=["float32", "tf32"])
def tf32(request: pytest.FixtureRequest) -> Iterator[bool]:
    """torch's TF32 switch in both positions; put back after the test."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = request.param
    yield request.param
    torch.backends.cuda.matmul.allow_tf32 = before
