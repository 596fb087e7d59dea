"""Every element of a result is written: tests/ops/test_determinism.py has it of the CPU."""

from collections.abc import Iterator

import pytest
import torch
from tests.ops.test_determinism import every_result
from tests.ops.voxel_sets import assert_same


@pytest.fixture
def poisoned_tensors() -> Iterator[None]:
    """New tensors full of NaN or the largest integer, as torch fills them in this mode."""
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    yield
    torch.use_deterministic_algorithms(False)


def test_every_element_of_every_result_is_written(poisoned_tensors: None, gpu: torch.device):
    assert torch.empty_strided((3,), (1,), device=gpu).isnan().all()
    actual = every_result(gpu)
    torch.use_deterministic_algorithms(False)
    for value, expected in zip(actual, every_result(gpu), strict=True):
        assert_same(value, expected)
