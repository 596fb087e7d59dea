"""Fixtures shared by all tests: the device under test and the development data beside the repository."""

from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def shared_dir() -> Path:
    """Development data beside a developer's checkout; a user's clone has none: then the test skips."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"development data not found at {folder}; only developers' checkouts have it")
    return folder


@pytest.fixture(params=["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Each device that this machine has; the same tests run on a GPU when there is one."""
    return torch.device(request.param)
