"""Config values against annotations: what fits, what does not, and the words for it."""

from collections.abc import Sequence
from typing import Any

import pytest

from completion.data.camera import DepthCamera
from completion.training.value_types import in_words, value_fits


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (3, int), (3, float), (0.5, float), (True, bool), ("x", str), (None, int | None), (3, int | None),
        ([1, 2], Sequence[int]), ([0.1, 2], tuple[float, float]), ([], Sequence[float]),
        (DepthCamera(), DepthCamera), ("anything", DepthCamera), (None, DepthCamera | None),
        (None, Any), ({}, Any), ("x", "a forward reference"), (None, object),
    ],
)  # fmt: skip
def test_fits(value, annotation):
    assert value_fits(value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation", "words"),
    [
        ("few", int, "a whole number"),
        (2.5, int, "a whole number"),
        (True, float, "a number"),
        (1, bool, "true or false"),
        (7, str, "text"),
        ("x", int | None, "a whole number or null"),
        (None, Sequence[int], "a list, each entry a whole number"),
        ("abc", tuple[float, float], "a list, each entry a number"),
        ([1, "x"], Sequence[float], "a list, each entry a number"),
        (None, DepthCamera, "a DepthCamera"),
    ],
)
def test_does_not_fit(value, annotation, words):
    assert not value_fits(value, annotation)
    assert in_words(annotation) == words
