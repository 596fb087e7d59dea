"""completion train replaces no checkpoints and no tables but its run's own, wherever they lie."""

import csv
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import SMALL, contents

from completion.cli.main import main

TINY = (
    *SMALL,
    *("data.source.num_train=4", "data.source.num_validation=2", "data.source.num_test=2"),
    *("data.batch_size=2", "trainer.max_epochs=1", "calibrate=false"),
)
GO_ON = ("run_dir=run", "ckpt=last", "trainer.max_epochs=2")


pytestmark = pytest.mark.usefixtures("in_empty_folder")


def epochs(table: str) -> list[str]:
    with open(table, newline="") as file:
        return [row["epoch"] for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("callbacks.best.dirpath=other/checkpoints", "callbacks.best.dirpath must be a folder without other"),
        ("callbacks.last.dirpath=other/checkpoints", "other/checkpoints with last.ckpt; name another folder"),
        ("logger.csv.path=other/metrics.csv", "logger.csv must write a new file, got other/metrics.csv"),
        ("logger.csv.path=other/notes.txt", "logger.csv must write a new file, got other/notes.txt"),
    ],
)
def test_files_of_another_run_are_left_by_a_new_training_and_one_that_goes_on(capfd, override, words):
    assert main(["train", *TINY, "run_dir=other"]) == 0
    Path("other/notes.txt").write_text("mine")
    before = contents(Path("other"))
    assert main(["train", *TINY, "run_dir=run", override]) == 2
    assert words in capfd.readouterr().err
    assert main(["train", *TINY, "run_dir=run"]) == 0
    assert main(["train", *GO_ON, override]) == 2
    assert words in capfd.readouterr().err
    assert contents(Path("other")) == before


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.batch_size=-1", "batch_size must be at least 1"),
        ("callbacks.last.dirpath=other", "callbacks.last.dirpath must be a folder without"),
        ("callbacks.last.filename=best", "filename must be another than that of callbacks."),
        ("trainer.max_epochs=0", "training must take at least one step"),
    ],
)
def test_a_training_that_is_refused_leaves_no_folder(capfd, override, words):
    Path("other").mkdir()
    Path("other/last.ckpt").write_text("mine")
    assert main(["train", *TINY, "run_dir=runs/of mine/run", override]) == 2
    assert words in capfd.readouterr().err
    assert not Path("runs").exists()
    Path("empty").mkdir()
    assert main(["train", *TINY, "run_dir=empty", override]) == 2
    assert Path("empty").is_dir()  # it was there before


@pytest.mark.parametrize("name", ["{epoch}", "best-{val/iou:.2f}"])
def test_names_with_values_in_them_are_looked_for_too(capfd, name):
    named = ["callbacks.best.dirpath=best", f"callbacks.best.filename='{name}'"]
    assert main(["train", *TINY, "run_dir=one", *named]) == 0
    (file,) = Path("best").rglob("*.ckpt")
    assert main(["train", *TINY, "run_dir=two", *named]) == 2
    assert f"with {file.relative_to('best')}; name another folder" in capfd.readouterr().err


def test_a_table_that_lightning_would_remove_is_left(capfd):
    Path("other").mkdir()
    Path("other/metrics.csv").write_text("step,mass\n5,10\n")
    node = "{_target_: lightning.pytorch.loggers.CSVLogger, save_dir: other, name: '', version: ''}"
    assert main(["train", *TINY, "run_dir=run", f"+logger.more={node}"]) == 2
    assert "logger.more must write a new file, got other/metrics.csv" in capfd.readouterr().err
    assert Path("other/metrics.csv").read_text() == "step,mass\n5,10\n"


def test_a_run_goes_on_in_the_places_that_its_config_names():
    places = ["callbacks.best.dirpath=best", "callbacks.last.dirpath=last", "logger.csv.path=table.csv"]
    assert main(["train", *TINY, "run_dir=run", *places]) == 0
    assert main(["train", "run_dir=run", "ckpt=last/last.ckpt", "trainer.max_epochs=2"]) == 0
    assert epochs("table.csv") == ["0", "1"]
    assert not Path("run/checkpoints").exists()


def test_a_new_training_takes_no_rows_of_an_earlier_one():
    assert main(["train", *TINY, "run_dir=run"]) == 0
    shutil.rmtree("run/checkpoints")
    assert main(["train", *TINY, "run_dir=run", "data.batch_size=1"]) == 0
    assert epochs("run/metrics.csv") == ["0"]
    assert main(["train", *GO_ON]) == 0
    assert epochs("run/metrics.csv") == ["0", "1"]


def test_a_run_that_begins_from_another_ones_checkpoint_takes_no_rows_of_what_is_there():
    assert main(["train", *TINY, "run_dir=run"]) == 0
    Path("left").mkdir()
    Path("left/metrics.csv").write_text("step,epoch\n0,7\n")
    go = ["run_dir=left", "ckpt=run/checkpoints/last.ckpt", "trainer.max_epochs=2"]
    assert main(["train", *TINY, *go]) == 0
    assert epochs("left/metrics.csv") == ["1"]


def test_a_trained_run_is_not_continued_from_another_ones_checkpoint(capfd):
    for name in ("one", "two"):
        assert main(["train", *TINY, f"run_dir={name}"]) == 0
    before = contents(Path("one"))
    assert main(["train", "run_dir=one", "ckpt=two/checkpoints/last.ckpt", "trainer.max_epochs=2"]) == 2
    assert "run_dir must be a folder without a trained run, got one with last.ckpt" in capfd.readouterr().err
    assert contents(Path("one")) == before


def test_a_run_that_goes_on_from_a_copy_of_its_checkpoint_keeps_its_rows():
    assert main(["train", *TINY, "run_dir=run"]) == 0
    shutil.copytree("run/checkpoints", "backup")
    assert main(["train", "run_dir=run", "ckpt=backup/last.ckpt", "trainer.max_epochs=2"]) == 0
    assert epochs("run/metrics.csv") == ["0", "1"]


def test_a_run_that_has_nothing_left_to_train_says_so(capfd):
    assert main(["train", *TINY, "run_dir=run"]) == 0
    before = contents(Path("run"))
    assert "no step was left" not in capfd.readouterr().out
    assert main(["train", "run_dir=run", "ckpt=last"]) == 0
    assert "no step was left to train; trainer.max_epochs=" in capfd.readouterr().out
    assert contents(Path("run")) == before


def test_a_damaged_table_is_told_before_an_epoch_is_lost(capfd):
    assert main(["train", *TINY, "run_dir=run"]) == 0
    table = Path("run/metrics.csv")
    table.write_text(table.read_text() + "x,1\n")
    before = contents(Path("run"))
    assert main(["train", *GO_ON]) == 2
    said = capfd.readouterr()
    assert "run/metrics.csv must be a table of numbers" in said.err and "'x' for a step in line 3" in said.err
    assert "epoch 2/2" not in said.out
    assert contents(Path("run")) == before
