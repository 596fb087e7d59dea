"""completion train from the command line: every config composes, a run writes what it promises."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import wandb
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from lightning.fabric.plugins import TorchCheckpointIO
from omegaconf import OmegaConf
from tests.cli.conftest import SMALL, contents

from completion.cli.main import config_folder, main
from completion.models.minkowski_net import MinkowskiNet
from completion.training.callbacks import ProgressLines
from completion.training.fit import check_keys, plugins_of
from completion.training.instantiate import instantiate
from completion.training.run import load_run, write_checkpoint
from completion.training.run_lock import locked
from completion.training.whole_checkpoints import WholeCheckpoints

TINY = (
    *SMALL,
    *("data.source.num_train=4", "data.source.num_validation=2", "data.source.num_test=2"),
    *("data.batch_size=2", "trainer.max_epochs=2"),
)

GO_ON = ("ckpt=last", "trainer.max_epochs=3")


pytestmark = pytest.mark.usefixtures("in_empty_folder")


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


@pytest.mark.parametrize("damage", [lambda whole: whole[:2000], lambda whole: b"", lambda whole: b"text"])
def test_a_damaged_checkpoint_is_refused_in_words(tmp_path, capfd, damage):
    assert main(["train", *TINY, "run_dir=run", "calibrate=false"]) == 0
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    last.write_bytes(damage(last.read_bytes()))
    assert main(["train", "run_dir=run", "ckpt=last", "trainer.max_epochs=3"]) == 2
    assert "last.ckpt must be a checkpoint of this program" in capfd.readouterr().err


def test_a_group_that_is_chosen_replaces_that_of_the_run_alone(tmp_path):
    assert main(["train", *TINY, "run_dir=run", "calibrate=false", "module.dice_weight=0.5"]) == 0
    go_on = ["run_dir=run", "ckpt=last", "trainer=gpu", "trainer.accelerator=cpu", "trainer.max_epochs=3"]
    assert main(["train", *go_on]) == 0
    config = OmegaConf.load(tmp_path / "run" / "config.yaml")
    assert (config.trainer.precision, config.trainer.max_epochs) == ("bf16-mixed", 3)
    assert (config.data.batch_size, config.data.source.num_train, config.module.dice_weight) == (2, 4, 0.5)


def test_a_continued_run_takes_another_learning_rate(tmp_path):
    assert main(["train", *TINY, "run_dir=run", "calibrate=false"]) == 0
    go_on = ["run_dir=run", "ckpt=last", "trainer.max_epochs=3"]
    assert main(["train", *go_on, "module.learning_rate=1e-30", "module.weight_decay=0"]) == 0
    first, last = (
        torch.load(tmp_path / f"run/checkpoints/{name}.ckpt", weights_only=True) for name in ("best", "last")
    )
    assert first["epoch"] <= 1 and last["epoch"] == 2
    rates = [group["lr"] for group in last["optimizer_states"][0]["param_groups"]]
    assert max(rates) <= 1e-30
    assert [group["weight_decay"] for group in last["optimizer_states"][0]["param_groups"]] == [0, 0]


def test_a_run_that_begins_from_another_ones_checkpoint_has_its_own_best_one(tmp_path):
    """However good the other one was."""
    by_loss = ["callbacks.best.monitor=val/loss", "callbacks.best.mode=min", "calibrate=false"]
    assert main(["train", *TINY, *by_loss, "run_dir=run"]) == 0
    begin = ["ckpt=run/checkpoints/last.ckpt", "trainer.max_epochs=3", "module.learning_rate=100"]
    assert main(["train", *TINY, *by_loss, "run_dir=tuned", *begin]) == 0
    best = torch.load(tmp_path / "tuned/checkpoints/best.ckpt", weights_only=True)
    assert best["epoch"] == 2


def test_a_continued_run_takes_values_that_only_its_own_groups_have(tmp_path):
    chosen = ["data=pairs", "data.source.root=pairs", "model.thresholds=[0.3,0.4,0.5]", "callbacks=ema"]
    points = "\n".join(f"{i % 7} {i % 5} {i % 3}" for i in range(105))
    for split, names in (("train", "ab"), ("val", "c"), ("test", "d")):
        for kind in ("partial", "complete"):
            (tmp_path / "pairs" / split / kind).mkdir(parents=True)
            for name in names:
                (tmp_path / "pairs" / split / kind / f"{name}.xyz").write_text(points)
    small = ["data.preparation.resolution=16", "model.channels=[4,8,8]", "model.dense_blocks=1"]
    go = ["run_dir=run", "calibrate=false", "trainer.max_epochs=1"]
    assert main(["train", *chosen, *small, *go]) == 0
    (tmp_path / "pairs").rename(tmp_path / "moved")
    own = ["data.source.root=moved", "callbacks.ema.decay=0.9", "trainer.max_epochs=2"]
    assert main(["train", "run_dir=run", "ckpt=last", *own]) == 0
    config = OmegaConf.load(tmp_path / "run" / "config.yaml")
    assert config.callbacks.ema.decay == 0.9
    assert Path(config.data.source.root) == tmp_path / "moved"


def test_several_jobs_on_several_devices_are_refused(tmp_path, capfd):
    assert main(["train", *TINY, "run_dir=sweep", "trainer.devices=2", "seed=0,1", "-m"]) == 2
    assert "trainer.devices must be 1 under -m, got 2" in capfd.readouterr().err
    HydraConfig.instance().cfg = None


def test_two_devices(tmp_path):
    """A process each; Lightning starts the second one by the command line."""
    command = [sys.executable, "-m", "completion", "train", *TINY, "run_dir=run", "trainer.devices=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("run folder: run") == done.stdout.count("epoch 2/2") == 1
    last = torch.load(tmp_path / "run/checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == 2, "each process has half of the four shapes"
    assert load_run(tmp_path / "run").config["trainer"]["devices"] == 2


def test_the_network_of_minkowski_engine_trains_evaluates_and_completes(tmp_path, capsys):
    tiny = [entry for entry in TINY if not entry.startswith("model")]
    tiny += ["experiment=me_completion", "data=toy", "model.channels=[3,4,5]", "trainer.max_epochs=1"]
    assert main(["train", *tiny, "run_dir=run"]) == 0
    opened = load_run(tmp_path / "run")
    assert isinstance(opened.model, MinkowskiNet)
    assert opened.model.thresholds != [0.5, 0.5]  # calibrated
    assert torch.load(tmp_path / "run/checkpoints/last.ckpt", weights_only=True)["global_step"] == 2
    assert main(["evaluate", "run=run", "baselines=false"]) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert list(metrics["levels"]) == ["2", "1"] and metrics["num_failures"] == 0
    (tmp_path / "scan.xyz").write_text("\n".join(f"{i % 7} {i % 5} {i % 3}" for i in range(105)))
    assert main(["complete", "run=run", "input=scan.xyz"]) == 0
    assert "completed 1 of 1 scans" in capsys.readouterr().out


def test_one_batch_with_offline_wandb(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    extra = ["debug=one_batch", "logger=wandb", "logger.wandb.offline=true", "run_dir=run"]
    assert main(["train", *TINY, *extra]) == 0
    (written,) = (tmp_path / "run").glob("wandb/offline-run-*/*.wandb")
    assert b"weight_decay" in written.read_bytes(), "the config is with the run"
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


def test_a_run_that_was_moved_goes_on_where_it_is(tmp_path):
    """And a worse epoch does not replace its best one."""
    by_loss = ["callbacks.best.monitor=val/loss", "callbacks.best.mode=min"]
    assert main(["train", *TINY, *by_loss, "run_dir=run", "calibrate=false"]) == 0
    (tmp_path / "run").rename(tmp_path / "ünï (1), moved")
    folder = tmp_path / "ünï (1), moved" / "checkpoints"
    last = torch.load(folder / "last.ckpt", weights_only=True)
    (best,) = (state for state in last["callbacks"].values() if state.get("monitor") == "val/loss")
    before = best["kth_value"]
    worse = ["trainer.max_epochs=3", "module.learning_rate=100"]
    assert main(["train", "run_dir=ünï (1), moved", "ckpt=last", *worse]) == 0
    assert not (tmp_path / "run").exists()
    last = torch.load(folder / "last.ckpt", weights_only=True)
    assert last["global_step"] == 6
    (best,) = (state for state in last["callbacks"].values() if state.get("monitor") == "val/loss")
    assert best["best_model_path"] == str(folder / "best.ckpt") and best["kth_value"] == before
    with open(tmp_path / "ünï (1), moved/metrics.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2"]


def test_a_run_finds_its_data_from_any_working_directory(tmp_path, monkeypatch):
    assert main(["train", *TINY, "run_dir=run", "calibrate=false"]) == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["evaluate", "run=../run", "baselines=false"]) == 0
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([], "run_dir must be a folder without a trained run, got run with last.ckpt"),
        (["model.channels=[4,8,16]"], "continue it with ckpt=last, or name another folder"),
        (["ckpt=last", "model.channels=[4,8,16]"], "must hold the weights of the network to train"),
        (["ckpt=last", "data.preparation.cache_dir=/proc/nope"], "/proc/nope"),
        ([*GO_ON, "data.preparation.resolution=24"], "must be that of the data, 24"),
        ([*GO_ON, "module.missing_weight=nan"], "missing_weight must be at least 0, got nan"),
        ([*GO_ON, "module.missing_weight=inf"], "loss must be finite"),
        (["ckpt=last", "experiment=demo"], "experiment must be left out where a run is continued"),
        (["ckpt=last", "trainer.precision=64-true"], "precision must be 32-true, bf16-mixed, 16-mixed"),
        (["ckpt=last", "trainer.check_val_every_n_epoch=0"], "check_val_every_n_epoch must be at least 1"),
        (["ckpt=last", "+trainer.strategy=ddp_spawn"], "trainer.strategy must start its processes by the"),
        (["ckpt=last", "callbacks.best.mode=foo"], "must have values that Lightning takes"),
        (["ckpt=last", "module.weight_decay=-1"], "weight_decay must be at least 0, got -1"),
        (["ckpt=last", "data.num_workers=-1"], "num_workers must be at least 0 or null, got -1"),
        (["ckpt=last", "model.dense_blocks=-1"], "dense_blocks must be an integer in 0"),
        (["ckpt=last", "model.in_channels=3"], "model.in_channels must be 1"),
    ],
)
def test_a_training_that_fails_leaves_a_finished_run_alone(tmp_path, capfd, overrides, words):
    assert main(["train", *TINY, "run_dir=run"]) == 0
    before = contents(tmp_path / "run")
    assert main(["train", *TINY, "run_dir=run", *overrides]) == 2
    said = capfd.readouterr().err
    assert words in said and "unexpected" not in said
    assert contents(tmp_path / "run") == before


def test_two_trainings_do_not_share_a_folder(tmp_path, capfd):
    with locked(tmp_path / "run"):
        assert main(["train", *TINY, "run_dir=run"]) == 2
    assert "another training writes" in capfd.readouterr().err
    assert not list((tmp_path / "run").iterdir())
    assert main(["train", *TINY, "run_dir=run"]) == 0


def test_a_training_without_validation_keeps_its_work_and_says_so(tmp_path, capsys):
    assert main(["train", *TINY, "run_dir=run", "trainer.check_val_every_n_epoch=5"]) == 0
    assert "no best.ckpt" in capsys.readouterr().out
    assert main(["evaluate", "run=run", "ckpt=last", "baselines=false"]) == 0


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["trainer.max_epochs=0"], "must take at least one step, got none"),
        (["trainer.limit_train_batches=0"], "must take at least one step, got none"),
        (["callbacks.best.monitor=nix"], "trainer must have values that Lightning takes"),
        (["data.overfit=0"], "overfit must be at least 1 or null, got 0"),
        (["module.learning_rate=1e30", "trainer.gradient_clip_val=null"], "loss must be finite, got"),
    ],
)
def test_a_training_of_nothing_is_an_error(tmp_path, capfd, overrides, words):
    assert main(["train", *TINY, "run_dir=run", *overrides]) == 2
    assert words in capfd.readouterr().err


def test_an_interrupted_training_says_how_to_go_on(tmp_path, capfd, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    handler = signal.getsignal(signal.SIGINT)  # Lightning ignores it from the first one on
    monkeypatch.setattr(ProgressLines, "on_train_epoch_end", stop)
    assert main(["train", *TINY, "run_dir=run"]) == 130
    assert "interrupted\n" in capfd.readouterr().err, "nothing is there to go on from yet"
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert main(["train", *TINY, "run_dir=run"]) == 0
    monkeypatch.setattr(ProgressLines, "on_train_epoch_end", stop)
    assert main(["train", "run_dir=run", "ckpt=last", "trainer.max_epochs=3"]) == 130
    signal.signal(signal.SIGINT, handler)
    assert "interrupted; `completion train run_dir=run ckpt=last` goes on" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("name", "text"),
    [("config.yaml", "important: 1\n"), ("config.yaml", "a: ${b}\n"), ("metrics.csv", "a,b\n1,2\n")],
)
def test_files_of_something_else_are_not_replaced(tmp_path, capfd, name, text):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / name).write_text(text)
    assert main(["train", *TINY, "run_dir=project"]) == 2
    assert f"must be a new folder or that of a run, got project with a {name} of" in capfd.readouterr().err
    assert list(contents(tmp_path / "project").values()) == [text.encode()]


def test_a_part_of_the_run_can_be_left_out_when_it_goes_on(tmp_path):
    assert main(["train", *TINY, "run_dir=run", "callbacks=ema"]) == 0
    assert main(["train", "run_dir=run", *GO_ON, "~callbacks.ema"]) == 0
    config = OmegaConf.load(tmp_path / "run/config.yaml")
    assert "ema" not in config.callbacks and "best" in config.callbacks


def test_an_epoch_that_ends_early_is_told_without_means_of_another(capfd):
    assert main(["train", *TINY, "run_dir=run", "data.batch_size=1", "+trainer.max_steps=6"]) == 0
    first, second = [line for line in capfd.readouterr().out.splitlines() if line.startswith("epoch ")]
    assert "loss" in first and "val iou" in first
    assert second.startswith("epoch 2/2  ") and "loss" not in second and "val" not in second


def test_a_training_by_the_clock_alone_is_refused(capfd):
    assert main(["train", *TINY, "run_dir=run", "trainer.max_epochs=-1"]) == 2
    assert "max_epochs must be at least 1 without trainer.max_steps, got -1" in capfd.readouterr().err


def test_a_full_disk_leaves_the_checkpoint_that_was_there(tmp_path, monkeypatch):
    place = tmp_path / "best.ckpt"
    write_checkpoint({"state_dict": {}}, place)
    before = contents(tmp_path)

    def full(contents, path):
        Path(path).write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 1 vs 2")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"best.ckpt cannot be written whole, is the disk full\?"):
        WholeCheckpoints().save_checkpoint({"state_dict": {"a": torch.ones(1)}}, place)
    assert contents(tmp_path) == before


def test_plugins_of_the_config_are_kept():
    clusters = {"_target_": "lightning.fabric.plugins.environments.LightningEnvironment"}
    for given, count in ((None, 1), ([], 1), (clusters, 2), ([clusters], 2)):
        plugins = plugins_of({"plugins": given})
        assert len(plugins) == count and isinstance(plugins[-1], WholeCheckpoints)
    own = plugins_of({"plugins": [{"_target_": "lightning.fabric.plugins.TorchCheckpointIO"}]})
    assert [type(plugin) for plugin in own] == [TorchCheckpointIO]


def test_a_training_from_another_runs_checkpoint_replaces_nothing_of_something_else(tmp_path, capfd):
    assert main(["train", *TINY, "run_dir=run"]) == 0
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "config.yaml").write_text("42\n")
    assert main(["train", *TINY, "run_dir=project", "ckpt=run/checkpoints/last.ckpt"]) == 2
    assert "unexpected" not in capfd.readouterr().err
    assert (tmp_path / "project" / "config.yaml").read_text() == "42\n"
