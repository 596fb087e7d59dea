"""A run folder as training leaves it, with an untrained network: what the verbs after training need."""

import shutil
import sys
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from completion.cli.main import config_folder
from completion.training.instantiate import instantiate
from completion.training.run import save_config

SMALL = (
    *("data.preparation.resolution=16", "data.preparation.views=1", "data.preparation.num_points=256"),
    *("model.channels=[4,8,8]", "model.thresholds=[0.3,0.4,0.5]", "model.dense_blocks=1"),
)
TINY = (*SMALL, "data.source.num_train=3", "data.source.num_validation=1", "data.source.num_test=3")
CURVES = "step,epoch,val/loss,val/iou,train/loss\n1,0,0.75,0.125,0.9375\n2,1,0.5,0.25,0.625\n"


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Problems this small are slower on several threads, much slower beside other work."""
    torch.set_num_threads(1)


@pytest.fixture
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test writes lies in its own folder, and the command is left the arguments it was given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["completion"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="session")
def untrained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Config, random weights and curves of a small network for 16³."""
    folder = tmp_path_factory.mktemp("session") / "run"
    overrides = [*TINY, f"paths.cache={folder.parent / 'cache'}", f"run_dir={folder}"]
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", overrides=overrides), resolve=True)
    assert isinstance(config, dict)
    save_config(folder, {str(key): value for key, value in config.items()})
    torch.manual_seed(0)
    state = {
        f"model.{name}": value for name, value in instantiate(config["model"], "model").state_dict().items()
    }
    (folder / "checkpoints").mkdir()
    torch.save({"state_dict": state}, folder / "checkpoints" / "best.ckpt")
    (folder / "metrics.csv").write_text(CURVES)
    return folder


@pytest.fixture
def run_folder(untrained_run: Path, tmp_path: Path, in_empty_folder: None) -> Path:
    """A test's own copy of the run folder, in an empty working directory."""
    return Path(shutil.copytree(untrained_run, tmp_path / "run"))
