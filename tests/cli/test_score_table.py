"""The table of an evaluation on terminals of several widths: no number and no name is cut."""

import re
from types import SimpleNamespace

import pytest

from completion.cli.score_table import print_table
from completion.training.item_scores import METRICS

ABOUT = {"data": "toy", "split": "test", "resolution": 64, "skipped": []}


def evaluation() -> SimpleNamespace:
    scores = {name: {"micro": 0.1234 + 0.1 * place} for place, name in enumerate(METRICS)}
    scores |= {"cd_l1": {"micro": 123.456}}
    scores["iou_missing"]["interval_95"] = (0.181, 0.519)
    return SimpleNamespace(
        items=[SimpleNamespace(seconds=0.03)] * 5,
        failures=[],
        clipped_share=0.01,
        summary=lambda: {"nearest_training_shape": scores},
    )


@pytest.mark.parametrize("width", [40, 80, 150])
def test_numbers_stay_whole(width, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(evaluation(), ABOUT)  # pyright: ignore[reportArgumentType]
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    words = text.split()
    for number in ("0.123", "0.223", "0.323", "0.423", "[0.181,", "0.519]", "0.523", "123.46", "0.723"):
        assert number in words
    assert {"precision", "recall", "cd_l1", "fscore@1%", "nearest", "training", "shape"} <= set(words)
    assert "…" not in text and max(map(len, text.splitlines())) <= max(width, 80)
