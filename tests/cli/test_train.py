"""completion train from the command line: every config composes, a run writes what it promises."""

import csv
import sys
from pathlib import Path

import pytest
import torch
import wandb
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from completion.cli.main import config_folder, main
from completion.training.fit import check_keys
from completion.training.instantiate import instantiate
from completion.training.run import load_run

TINY = (
    *("data.preparation.resolution=16", "data.preparation.views=1", "data.preparation.num_points=256"),
    *("data.source.num_train=4", "data.source.num_validation=2", "data.source.num_test=2"),
    *("model.channels=[4,8,8]", "model.thresholds=[0.3,0.4,0.5]", "model.dense_blocks=1"),
    *("data.batch_size=2", "trainer.max_epochs=2"),
)


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and caches of a test lie in its own folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["completion"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")


def options(group: str) -> list[str]:
    return sorted(file.stem for file in (config_folder() / group).glob("*.yaml"))


CHOICES = [
    f"{group}={option}"
    for group in ("experiment", "debug", "data", "model", "trainer", "logger", "callbacks")
    for option in options(group)
]


@pytest.mark.parametrize("choice", CHOICES)
def test_every_config_composes_and_instantiates(choice, monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "offline")
    overrides = [choice] + (["logger.wandb.offline=true"] if choice == "logger=wandb" else [])
    if choice in ("data=folder", "data=pairs", "data=scans"):
        overrides.append(f"data.source.root={tmp_path}")
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        config = compose("train", overrides=overrides)
    plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    check_keys(plain)
    for key in ("data", "model", "callbacks"):
        instantiate(plain[key], key)
    if choice != "trainer=gpu":
        instantiate({**plain["trainer"], "logger": False}, "trainer")


def test_a_run_writes_its_folder_and_opens_again(tmp_path, capsys):
    assert main(["train", *TINY, "run_dir=run"]) == 0
    assert "run folder: run" in capsys.readouterr().out
    run = tmp_path / "run"
    written = sorted(str(file.relative_to(run)) for file in run.rglob("*") if file.is_file())
    assert written == ["checkpoints/best.ckpt", "checkpoints/last.ckpt", "config.yaml", "metrics.csv"]
    with open(run / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert all(0 <= float(row["val/iou"]) <= 1 for row in rows)
    opened = load_run(run)
    assert opened.model.resolution == 16
    assert opened.model.thresholds != pytest.approx([0.3, 0.4, 0.5])  # calibrated
    assert load_run(run, ckpt="last").model.thresholds == pytest.approx([0.3, 0.4, 0.5])
    assert len(opened.make_data().dataset("test")) == 2
    assert not (tmp_path / "outputs").exists()


def test_a_run_is_continued_by_its_own_config(tmp_path):
    assert main(["train", *TINY, "run_dir=run", "calibrate=false"]) == 0
    assert main(["train", "run_dir=run", "ckpt=last", "trainer.max_epochs=3"]) == 0
    config = OmegaConf.load(tmp_path / "run" / "config.yaml")
    assert config.model.channels == [4, 8, 8]
    assert config.trainer.max_epochs == 3
    last = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == 6
    with open(tmp_path / "run" / "metrics.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2"]


def test_one_batch_with_offline_wandb(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    extra = ["debug=one_batch", "logger=wandb", "logger.wandb.offline=true", "run_dir=run"]
    assert main(["train", *TINY, *extra]) == 0
    assert list((tmp_path / "run").glob("wandb/offline-run-*/*.wandb"))
    assert wandb.run is None  # ended, so that the next training of this process begins its own
    assert (tmp_path / "run" / "metrics.csv").is_file()


def test_multirun_gives_each_job_its_folder(tmp_path):
    extra = ["debug=one_batch", "run_dir=sweep", "module.learning_rate=0.001,0.002", "-m"]
    assert main(["train", *TINY, *extra]) == 0
    rates = [load_run(tmp_path / "sweep" / job).config["module"]["learning_rate"] for job in ("0", "1")]
    assert rates == [0.001, 0.002]
    HydraConfig.instance().cfg = None


def test_prepare_says_where_the_samples_are(tmp_path, capsys):
    overrides = [entry for entry in TINY if entry.startswith(("data.source", "data.preparation"))]
    assert main(["prepare", *overrides]) == 0
    assert "(4 train, 2 validation, 2 test)" in capsys.readouterr().out
    assert list(tmp_path.glob("cache/toy-*/index.json"))
