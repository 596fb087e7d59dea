"""The run folder: a trained network opens without flags, and what is not a run is refused in words."""

from pathlib import Path

import pytest
import torch

from completion.training.run import (
    check_resumable,
    find_checkpoint,
    load_config,
    load_run,
    relocated,
    save_config,
    store_thresholds,
)

MODEL = {
    "_target_": "completion.models.completion_net.CompletionNet",
    "resolution": 16,
    "channels": [4, 8, 8],
    "thresholds": [0.3, 0.4, 0.5],
    "dense_blocks": 1,
}


@pytest.fixture
def run(tmp_path: Path, net) -> Path:
    """A run folder as training leaves it, less the logs."""
    save_config(tmp_path, {"model": MODEL, "seed": 3})
    (tmp_path / "checkpoints").mkdir()
    state = {f"model.{name}": value for name, value in net.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 4}, tmp_path / "checkpoints" / "best.ckpt")
    return tmp_path


def test_opens_with_the_weights_it_was_saved_with(run, net):
    opened = load_run(run)
    assert not opened.model.training
    assert opened.config["seed"] == 3
    for name, value in net.state_dict().items():
        assert torch.equal(opened.model.state_dict()[name], value)


def test_stored_thresholds_come_back_and_nothing_else_changes(run, net):
    net.set_thresholds([0.1, 0.2, 0.7])
    store_thresholds(run / "checkpoints" / "best.ckpt", net)
    assert load_run(run).model.thresholds == pytest.approx([0.1, 0.2, 0.7])
    contents = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert contents["epoch"] == 4


@pytest.mark.parametrize("ckpt", ["last", "elsewhere.ckpt"])
def test_a_missing_checkpoint_is_named(run, ckpt):
    with pytest.raises(FileNotFoundError, match=ckpt):
        load_run(run, ckpt=ckpt)


def test_a_checkpoint_may_be_a_path(run):
    path = run / "checkpoints" / "best.ckpt"
    assert find_checkpoint(run, str(path)) == path


def test_a_folder_without_config_is_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"config\.yaml"):
        load_run(tmp_path)


@pytest.mark.parametrize("text", ["seed: 1", "[1, 2]"])
def test_another_yaml_is_no_run(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ValueError, match="config of a run"):
        load_config(tmp_path)


def test_a_file_that_is_no_checkpoint_is_refused(run):
    (run / "checkpoints" / "best.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="must be a checkpoint"):
        load_run(run)


@pytest.mark.parametrize("change", [{"channels": [4, 8, 16]}, {"dense_blocks": 3}])
def test_weights_of_another_network_are_refused_in_one_sentence(run, change):
    save_config(run, {"model": MODEL | change})
    with pytest.raises(
        ValueError, match=r"must hold the weights of the network in config\.yaml.*train again"
    ):
        load_run(run)


def test_a_checkpoint_that_would_run_code_is_refused(run):
    torch.save({"state_dict": {}, "code": Path}, run / "checkpoints" / "best.ckpt")
    with pytest.raises(ValueError, match="must be a checkpoint"):
        load_run(run)


def test_a_config_that_would_run_other_code_is_refused(run):
    save_config(run, {"model": {"_target_": "os.getcwd"}})
    with pytest.raises(ValueError, match="must begin with one of"):
        load_run(run)


def test_a_config_that_is_no_yaml_is_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("a: [1,")
    with pytest.raises(ValueError, match=r"config\.yaml must be YAML"):
        load_config(tmp_path)


def test_a_config_without_data_is_refused_when_they_are_asked_for(run):
    with pytest.raises(ValueError, match="got no key 'data'"):
        load_run(run).make_data()


def test_paths_in_a_folder_move_with_it():
    config = {"dirpath": "one", "b": ["one/x", "one2", 3], "c": None, "filename": "one"}
    moved = {"dirpath": "/new", "b": ["/new/x", "one2", 3], "c": None, "filename": "one"}
    assert relocated(config, "one", "/new") == moved
    assert relocated({"runs/one/best.ckpt": 0.5}, "runs/one", "new") == {"new/best.ckpt": 0.5}


def test_a_checkpoint_that_may_not_be_read_is_no_broken_one(run, monkeypatch):
    """As root every file may be read, so the refusal is played."""

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied", "best.ckpt")

    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(PermissionError):
        load_run(run)


def test_weights_alone_are_no_training_to_continue(run, net):
    with pytest.raises(ValueError, match=r"without an optimiser's state; name last\.ckpt or best\.ckpt"):
        check_resumable(run / "checkpoints" / "best.ckpt", net)
