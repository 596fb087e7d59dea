"""A handful of toy shapes at 16³, prepared once for all tests of this folder."""

from pathlib import Path

import pytest
import torch

from completion.data.prepare import Preparation
from completion.data.toy import ToyShapes
from completion.models import CompletionNet
from completion.training.datamodule import CompletionDataModule


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Problems this small are slower on several threads, much slower beside other work."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where prepared samples are kept for the whole session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def data(cache_dir: Path) -> CompletionDataModule:
    """Five shapes to train on, two each to validate and test, one view each."""
    preparation = Preparation(cache_dir, resolution=16, views=1, num_points=256)
    return CompletionDataModule(
        ToyShapes(num_train=5, num_validation=2, num_test=2), preparation, batch_size=2
    )


@pytest.fixture
def net() -> CompletionNet:
    """A network for 16³ that is small enough to train in a test."""
    return CompletionNet(16, channels=(4, 8, 8), thresholds=(0.3, 0.4, 0.5), dense_blocks=1)
