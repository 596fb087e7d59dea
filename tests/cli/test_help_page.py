"""completion VERB --help: every key, its value and meaning, as wide as the terminal; loads nothing heavy."""

import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from completion.cli.help_page import explained
from completion.cli.main import VERBS, config_folder, file_name, main
from completion.cli.meanings import arguments


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def page(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    assert not list(Path.cwd().iterdir())
    return capsys.readouterr().out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_page_that_fits_the_terminal(verb, capsys):
    text = page(capsys, verb, "--help")
    assert text.startswith(f"usage: completion {verb} [key=value ...]\n\ncompletion {verb}: ")
    assert all(len(line) <= 80 or "${" in line for line in text.splitlines())


def own_keys(config: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Keys whose meaning this package has to tell: not those of a foreign class."""
    ours = str(config.get("_target_", "completion")).startswith("completion")
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from own_keys(value, f"{prefix}{key}.")
        elif ours and key != "_target_":
            yield prefix + key


CHOICES = [
    *(["evaluate", f"data={option}"] for option in ("folder", "pairs", "scans", "shapes", "toy")),
    *(["train", f"experiment={option}"] for option in ("demo", "me_completion", "objects")),
    *(["train", option] for option in ("logger=wandb", "callbacks=ema", "trainer=gpu", "debug=overfit")),
    *([verb] for verb in VERBS),
]


@pytest.mark.parametrize("words", CHOICES, ids=" ".join)
def test_every_key_of_ours_has_a_meaning(words):
    config, meanings, _ = explained(file_name(words[0]), words[1:], config_folder())
    keys = set(own_keys(config))
    assert len(keys) >= 1 and keys - meanings.keys() == set()


def test_values_are_those_of_the_command_line(capsys):
    text = page(capsys, "train", "experiment=me_completion", "data.batch_size=3", "-h")
    assert "\n    batch_size: 3 " in text and "* model=minkowski " in text
    assert "\n    channels: [16, 32, 64, 128, 256, 512, 1024]\n" in text
    assert "voxels per side" in text


def test_a_flag_and_a_path_are_taken_as_the_verb_takes_them(capsys):
    assert "save: a (1), b " in page(capsys, "view", "--help", "--save", "a (1), b")
    assert "weights: w.pth " in page(capsys, "import-minkowski", "w.pth", "--help")


def test_flags_and_sweeps_do_not_hinder_help(capsys):
    text = page(capsys, "train", "-m", "trainer.max_epochs=3,4", "seed=5", "--help", "--cfg", "job")
    assert "\n  seed: 5 " in text and "\n    max_epochs: 20 " in text


def test_a_continued_run_is_explained_as_it_would_go_on(capsys):
    config, _, _ = explained("train", ["data.preparation.resolution=16"], config_folder())
    Path("run").mkdir()
    Path("run/config.yaml").write_text(yaml.safe_dump(config))
    assert main(["train", "run_dir=run", "ckpt=last", "seed=8", "-h"]) == 0
    text = capsys.readouterr().out
    assert "\n      resolution: 16 " in text and "\n  seed: 8 " in text


def test_evaluate_shows_of_data_what_it_takes(capsys):
    text = page(capsys, "evaluate", "data=folder", "data.source.root=meshes", "-h")
    assert "      root: meshes  " in text and "batch_size" not in text


@pytest.mark.parametrize("columns", [30, 40, 200])
def test_narrow_and_wide_terminals(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = page(capsys, "complete", "-h").splitlines()
    assert max(len(line) for line in lines if line.startswith("  ")) <= min(columns, 110)


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"]])
def test_a_reader_that_goes_and_a_full_disk_are_no_tracebacks(words):
    command = shlex.join([sys.executable, "-m", "completion", *words])
    for script, code in (
        (f"{command} | :; exit ${{PIPESTATUS[0]}}", {0, 1}),
        (f"{command} > /dev/full", {2}),
    ):
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
        assert done.returncode in code and "Traceback" not in done.stderr


def test_a_wrong_key_is_one_sentence(capsys):
    assert main(["train", "--help", "max_epoch=3"]) == 2
    assert "the config has no key 'max_epoch'" in capsys.readouterr().err


def test_help_of_a_verb_comes_without_torch():
    code = "import sys; from completion.cli.main import main; main(['evaluate', '-h']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "the run folder" in done.stdout
    assert not {"torch", "lightning", "numpy"} & set(done.stdout.splitlines()[-1].split())


def test_meanings_of_a_class_that_is_passed_on_or_is_not_ours():
    assert arguments("completion.data.toy.ToyShapes")["num_test"] == "shapes per split"
    assert arguments("lightning.pytorch.Trainer") == {}
    assert arguments("completion.no.Such") == arguments("completion.data.toy.No") == {}
