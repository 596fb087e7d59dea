"""The same bits in every run, whatever else the GPU does meanwhile."""

from collections.abc import Callable

import pytest
import torch
from tests.cuda.busy import busy
from tests.cuda.operators import (
    CHANNELS,
    DTYPES,
    on_coordinates,
    on_features,
    operands,
    training_step,
)
from tests.ops.voxel_sets import same_bits

RUNS = 5


def check_repeats(results: Callable[[], list[torch.Tensor]], device: torch.device) -> None:
    """The first run is alone, the others run beside other work."""
    expected = results()
    for _ in range(RUNS - 1):
        with busy(device):
            actual = results()
        same_bits(actual, expected)


def test_operators_on_coordinates(gpu: torch.device):
    check_repeats(lambda: on_coordinates(gpu), gpu)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_operators_on_features(gpu: torch.device, dtype: torch.dtype, channels: tuple[int, int]):
    given = operands(gpu, dtype, channels)
    check_repeats(lambda: on_features(given), gpu)


@pytest.mark.parametrize("channels", CHANNELS)
def test_operators_in_both_float32_modes(gpu: torch.device, tf32: bool, channels: tuple[int, int]):
    given = operands(gpu, torch.float32, channels)
    check_repeats(lambda: on_features(given), gpu)


def test_training_step(gpu: torch.device):
    check_repeats(lambda: training_step(gpu), gpu)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_order_of_rows_changes_no_bit(gpu: torch.device, dtype: torch.dtype, channels: tuple[int, int]):
    results = on_features(operands(gpu, dtype, channels))
    same_bits(results[3:6], results[:3])
