"""What tests/cuda computes, on the CPU: those tests are collected on a GPU alone, where time is dear."""

import pytest
import torch
from tests.cuda.operators import (
    CHANNELS,
    DTYPES,
    digest,
    on_coordinates,
    on_features,
    operands,
    training_step,
)

CPU = torch.device("cpu")


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_operators_on_features_have_a_digest(dtype: torch.dtype, channels: tuple[int, int]):
    one, other = (digest(on_features(operands(CPU, dtype, channels, radius=5))) for _ in range(2))
    assert one == other != digest(on_features(operands(CPU, dtype, channels, radius=4)))


def test_coordinates_and_a_training_step_have_one():
    assert digest(on_coordinates(CPU)) != digest(training_step(CPU)) == digest(training_step(CPU))
