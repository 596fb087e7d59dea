"""metrics.csv: flat, continued after a resume; Weights & Biases writes real files offline."""

import csv
from collections.abc import Iterator

import pytest
import wandb

from completion.training.loggers import MetricsCsv, wandb_logger


@pytest.fixture(autouse=True)
def own_session() -> Iterator[None]:
    """wandb keeps settings for the process: no test leaves its own to another."""
    yield
    wandb.teardown()


def read(path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def log(path, *entries: tuple[int, dict[str, float]]) -> None:
    logger = MetricsCsv(path)
    logger.save()  # Lightning does this before it logs anything
    for step, metrics in entries:
        logger.log_metrics(metrics, step)
        logger.save()


def test_one_row_per_step_and_a_column_per_name(tmp_path):
    log(tmp_path / "m.csv", (4, {"a": 1.0}), (4, {"b": 2.0}), (9, {"a": 3.0, "epoch": 1}))
    rows = read(tmp_path / "m.csv")
    assert list(rows[0]) == ["step", "epoch", "a", "b"]
    assert [(row["step"], row["a"], row["b"]) for row in rows] == [("4", "1.0", "2.0"), ("9", "3.0", "")]


def test_a_resumed_run_replaces_what_came_after_its_checkpoint(tmp_path):
    log(tmp_path / "m.csv", (4, {"a": 1.0}), (9, {"a": 2.0}), (14, {"a": 3.0}))
    log(tmp_path / "m.csv", (9, {"a": 7.0}), (14, {"a": 8.0}))
    assert [(row["step"], row["a"]) for row in read(tmp_path / "m.csv")] == [
        ("4", "1.0"),
        ("9", "7.0"),
        ("14", "8.0"),
    ]


def test_a_new_training_begins_a_table_of_its_own(tmp_path):
    log(tmp_path / "m.csv", (4, {"a": 1.0}), (9, {"b": 2.0}))
    logger = MetricsCsv(tmp_path / "m.csv")
    logger.begin(continues=False)
    logger.save()
    assert len(read(tmp_path / "m.csv")) == 2, "left until there is something new"
    logger.log_metrics({"a": 7.0}, 14)
    logger.save()
    assert read(tmp_path / "m.csv") == [{"step": "14", "epoch": "", "a": "7.0"}]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("x,0,1.0", "'x' for a step in line 3"),
        ("9,0,word", "'word' under a in line 3"),
        ("9,0,1.0,2.0", "more numbers than names in line 3"),
        ("-9,0,1.0", "'-9' for a step in line 3"),
        ("9,0,\udcff", "can't decode"),
    ],
)
def test_a_table_that_cannot_be_continued_is_told_before_the_training(tmp_path, row, words):
    text = f"step,epoch,a\n4,0,1.0\n{row}\n"
    (tmp_path / "m.csv").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"m\.csv must be a table of numbers") as raised:
        MetricsCsv(tmp_path / "m.csv").begin(continues=True)
    assert words in str(raised.value)


def test_wandb_offline_writes_a_run_without_an_account(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = wandb_logger(str(tmp_path), project="completion", name="test", offline=True)
    logger.log_metrics({"val/iou": 0.5}, step=3)
    logger.experiment.finish()
    wandb.teardown()  # waits until the service has written everything
    (written,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    assert b"val/iou" in written.read_bytes()


def test_wandb_online_without_an_account_says_what_to_do(tmp_path, monkeypatch):
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(ValueError, match="wandb login"):
        wandb_logger(str(tmp_path), project="completion", name="test")


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_wandb_follows_the_mode_of_the_environment(mode, tmp_path, monkeypatch):
    for name, value in {"HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc"), "WANDB_MODE": mode}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = wandb_logger(str(tmp_path), project="completion", name="test")
    logger.log_metrics({"val/iou": 0.5}, step=3)
    logger.experiment.finish()
    wandb.teardown()
    assert len(list(tmp_path.rglob("*.wandb"))) == (mode == "offline")
