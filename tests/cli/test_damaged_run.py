"""Files of a run folder that are not as they were written: one sentence that names the file."""

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from completion.cli.main import main

AVERAGE = {"micro": 0.5, "macro": 0.5, "interval_95": [0.4, 0.6], "per_category": {"chair": 0.5}}
SCORES = ("iou", "iou_missing", "precision", "recall", "cd_l1", "fscore@1%")
MEASURES = {
    **{"data": "toy", "split": "test", "checkpoint": "best.ckpt", "machine": "one", "seed": 0},
    **{"num_items": 1, "num_failures": 0, "resolution": 16, "clipped_share": 0.0, "seconds_per_item": 0.1},
    **{"peak_memory_mib": 1, "levels": {"1": {"support_recall": 1.0}}, "skipped": [], "items": []},
    "methods": {"model": dict.fromkeys(SCORES, AVERAGE)},
}


def said(capfd, run: Path, words: list[str]) -> str:
    """What a command that must fail says, in one line."""
    assert main([*words, f"run={run}"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "unexpected" not in line
    return line


@pytest.mark.parametrize("name", ["metrics.json", "metrics_other.json"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (None, "must have data, split"),
        ([], "must have data, split"),
        ({"split": "best"}, "must be one of train, validation, test, got best"),
        ({"methods": {}}, "as `completion evaluate` writes it, got no 'model'"),
        ({"methods": []}, "must have methods, got none or others"),
        ({"methods": {"model": 5}}, "got values of other kinds"),
        ({"levels": {}}, "got values of other kinds"),
        ({"clipped_share": "all"}, "got values of other kinds"),
        ({"machine": 5}, "got values of other kinds"),
        ({"items": [5]}, "got values of other kinds"),
        ({"seconds_per_item": ...}, "got no 'seconds_per_item'"),
    ],
)
def test_measures(run_folder, capfd, name, changes, words):
    contents = MEASURES | changes if isinstance(changes, dict) else changes
    if isinstance(contents, dict):
        contents = {key: value for key, value in contents.items() if value is not ...}
    (run_folder / name).write_text(json.dumps(MEASURES))
    assert main(["report", f"run={run_folder}", "pictures=false"]) == 0
    (run_folder / name).write_text(json.dumps(contents))
    line = said(capfd, run_folder, ["report", "pictures=false"])
    assert words in line and name in line


@pytest.mark.parametrize("item", [{}, {"name": "a"}, 5])
def test_items_whose_pictures_are_to_be_drawn(run_folder, capfd, item):
    assert main(["evaluate", f"run={run_folder}", "baselines=false"]) == 0
    measures = json.loads((run_folder / "metrics.json").read_text())
    measures["items"] = [item]
    (run_folder / "metrics.json").write_text(json.dumps(measures))
    assert "metrics.json must be as `completion evaluate`" in said(capfd, run_folder, ["view", "save=a.png"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("step,train/loss\n1,word\n", "'word' under train/loss in line 2"),
        ("epoch,train/loss\n1,0.5\n", "None for a step in line 2"),
    ],
)
def test_curves(run_folder, capfd, text, words):
    (run_folder / "metrics.csv").write_text(text)
    line = said(capfd, run_folder, ["report", "pictures=false"])
    assert words in line and "metrics.csv must be a table of numbers" in line


def changed(run: Path, key: str, value: object) -> None:
    """Changes a value of a run's config; None takes the key away."""
    config = OmegaConf.load(run / "config.yaml")
    parent, _, name = key.rpartition(".")
    if value is None:
        (OmegaConf.select(config, parent) if parent else config).pop(name)
    else:
        OmegaConf.update(config, key, value, merge=False)
    OmegaConf.save(config, run / "config.yaml")


REPORT, EVALUATE = ["report", "pictures=false"], ["evaluate", "baselines=false"]
VIEW, COMPLETE = ["view", "input=scan.xyz", "save=a.png"], ["complete", "input=scan.xyz"]


@pytest.mark.parametrize(
    ("command", "key", "value", "words"),
    [
        (REPORT, "name", None, "name in "),
        (REPORT, "name", {"a": 1}, "name in "),
        (VIEW, "data.preparation.margin", None, "data.preparation.margin in "),
        (VIEW, "data.preparation.margin", "wide", "must be a number, got 'wide'"),
        (VIEW, "data", None, "data.preparation.margin in "),
        (VIEW, "model", 5, "must be a CompletionModel, got int"),
        (COMPLETE, "data", None, "data.preparation.margin in "),
        (COMPLETE, "data", [1], "data.preparation.margin in "),
        (["view", "save=a.png"], "data", 5, "must be a CompletionDataModule, got int"),
        (EVALUATE, "data", None, "data.source in "),
        (EVALUATE, "data.preparation", 5, "data.preparation in "),
        (EVALUATE, "seed", None, "seed in "),
    ],
)
def test_config(run_folder, capfd, command, key, value, words):
    Path("scan.xyz").write_text("\n".join(f"{i % 7} {i % 5} {i % 3}" for i in range(105)))
    changed(run_folder, key, value)
    line = said(capfd, run_folder, command)
    assert words in line and "run/config.yaml" in line


@pytest.mark.parametrize("key", ["trainer", "data", "callbacks"])
@pytest.mark.parametrize("value", [5, [1]])
def test_config_of_a_run_that_is_continued(run_folder, capfd, key, value):
    changed(run_folder, key, value)
    assert main(["train", f"run_dir={run_folder}", "ckpt=best"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert f"{key} must be a group of keys, got {value}" in line


@pytest.mark.parametrize("command", [["report", "run=run"], ["train", "run_dir=run", "ckpt=last"]])
def test_config_of_other_letters(run_folder, capfd, command):
    (run_folder / "config.yaml").write_bytes(b"name: \xff\n")
    assert main(command) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "run/config.yaml must be YAML" in line
