"""What all tests share: the device, the development data beside the repository, how much hypothesis draws.

The short profile draws the same few cases each time. COMPLETION_PROPERTY_CASES=N draws N for each property,
from pytest's --hypothesis-seed; COMPLETION_PROPERTY_COUNTS=FILE then says how many really ran
(scripts/prove_properties.py).
"""

import json
import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from tests.ops import property_cases

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile("short", max_examples=25, deadline=None, derandomize=True)
if cases := os.environ.get("COMPLETION_PROPERTY_CASES"):
    settings.register_profile("long", max_examples=int(cases), deadline=None, database=None)
settings.load_profile("long" if cases else "short")


def pytest_sessionfinish() -> None:
    """Writes the counts of the property tests where they are asked for."""
    if path := os.environ.get("COMPLETION_PROPERTY_COUNTS"):
        counts = {"completed": property_cases.COMPLETED, "refused": property_cases.REFUSED}
        Path(path).write_text(json.dumps(counts))


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
