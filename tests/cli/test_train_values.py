"""Values that fail late, or in the words of a library, are refused by their key before a training."""

from pathlib import Path

import pytest

from completion.cli.main import main
from completion.training.fit import check_max_time


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (
            "trainer.max_time=600",
            "trainer.max_time must be as 00:12:00:00 (days, hours, minutes, seconds), got",
        ),
        ("trainer.max_time=12:00", "trainer.max_time must be as 00:12:00:00"),
        ("trainer.accelerator=[]", "trainer.accelerator must be text, got []"),
        ("trainer.devices=1000000000", "trainer.devices must be at most"),
        ("data.num_workers=1000000000", "num_workers must be at most"),
        ("data.seed=-1", "CompletionDataModule: seed must be in 0"),
        ("data.preparation.cache_dir=5", "data.preparation.cache_dir must be a path, got 5"),
    ],
)
@pytest.mark.usefixtures("in_empty_folder")
def test_the_key_is_named(tmp_path: Path, capfd, override: str, words: str):
    assert main(["train", "run_dir=run", override]) == 2
    said = capfd.readouterr().err
    assert words in said and "unexpected" not in said and said.count("\n") == 1
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


@pytest.mark.usefixtures("in_empty_folder")
def test_a_trainer_needs_no_accelerator(capfd):
    assert main(["train", "run_dir=run", "~trainer.accelerator", "data.batch_size=0"]) == 2
    assert "batch_size must be at least 1" in capfd.readouterr().err


@pytest.mark.parametrize("value", [None, "00:12:00:00", " 100:00:00:01 ", {"minutes": 12}, {"days": 0.5}])
def test_lengths_of_time_that_the_timer_takes(value):
    check_max_time(value)


@pytest.mark.parametrize(
    "value", [600, 0.5, True, "12:00", [], {"minute": 1}, {"minutes": "a"}, {"days": 1e300}, {"days": -1}, {}]
)
def test_lengths_of_time_that_it_does_not_take(value):
    with pytest.raises(ValueError, match="max_time must be as 00:12:00:00"):
        check_max_time(value)
