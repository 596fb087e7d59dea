"""The run folder: what lies where, how its config is saved, how a trained run is opened without flags."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from completion.data.files import atomic_path
from completion.models.completion_model import CompletionModel
from completion.training.archive import damage
from completion.training.datamodule import CompletionDataModule
from completion.training.devices import check_device
from completion.training.instantiate import instantiate
from completion.training.value_types import in_words, value_fits

CONFIG = "config.yaml"
METRICS_FILE = "metrics.csv"
CHECKPOINTS = "checkpoints"
MODEL_PREFIX = "model."
PLACES = ("run_dir", "dirpath", "default_root_dir", "path", "save_dir")


@dataclass
class Run:
    """A trained run.

    Attributes:
        path: its folder.
        config: as it was trained, resolved.
        model: in evaluation mode.
        checkpoint: where the weights came from.
    """

    path: Path
    config: dict[str, Any]
    model: CompletionModel
    checkpoint: Path

    def make_data(self) -> CompletionDataModule:
        """The data the run was trained with."""
        if "data" not in self.config:
            raise ValueError(
                f"load_run: {self.path / CONFIG} must say what data the run has, got no key 'data'"
            )
        data = instantiate(self.config["data"], "data")
        if not isinstance(data, CompletionDataModule):
            raise ValueError(
                f"load_run: data in {self.path / CONFIG} must be a CompletionDataModule, got "
                f"{type(data).__name__}; train again"
            )
        return data

    def value(self, key: str, kind: Any) -> Any:
        """What the run's config has at a dotted key, see `config_value`."""
        return config_value(self.path, self.config, key, kind)


def load_run(run: str | Path, device: torch.device | str = "cpu", ckpt: str = "best") -> Run:
    """Opens a run folder.

    Args:
        run: the folder.
        device: of the model.
        ckpt: best, last or the path of a checkpoint.

    Raises:
        FileNotFoundError: no run folder there, or no such checkpoint in it.
        ValueError: no such device, or the checkpoint's weights are not those of the network in the config.
    """
    if not re.fullmatch(r"cpu|cuda(:\d+)?", str(device)):
        raise ValueError(f"load_run: device must be cpu, cuda or cuda:NUMBER, got {device}")
    check_device("load_run: device", str(device))
    path = Path(run)
    config = load_config(path)
    checkpoint = find_checkpoint(path, ckpt)
    model = instantiate(config["model"], "model")
    if not isinstance(model, CompletionModel):
        raise ValueError(
            f"load_run: model in {path / CONFIG} must be a CompletionModel, got {type(model).__name__}; "
            "train again"
        )
    load_weights(model, checkpoint)
    return Run(path, config, model.to(device).eval(), checkpoint)


def load_weights(model: CompletionModel, checkpoint: Path) -> None:
    """Puts the weights of a checkpoint into `model`; they must fit exactly."""
    weights = model_state(read_checkpoint(checkpoint))
    misfit = first_misfit(model, weights)
    if misfit:
        raise ValueError(
            f"load_run: checkpoint must hold the weights of the network in {CONFIG}, got {checkpoint} with "
            f"{misfit}; use the program's version that trained it, or train again"
        )
    model.load_state_dict(weights)


def check_resumable(checkpoint: Path, model: CompletionModel) -> None:
    """Refuses a checkpoint that a training of `model` cannot go on from, before anything is touched.

    Raises:
        ValueError: it is damaged, holds weights alone, or those of another network.
    """
    contents = read_checkpoint(checkpoint)
    if "optimizer_states" not in contents:
        raise ValueError(
            f"fit: ckpt must be a checkpoint of a training, got {checkpoint} without an optimiser's state; "
            "name last.ckpt or best.ckpt of a run"
        )
    misfit = first_misfit(model, model_state(contents))
    if misfit:
        raise ValueError(
            f"fit: ckpt must hold the weights of the network to train, got {checkpoint} with {misfit}; "
            "leave the values of model as they were, or take another checkpoint"
        )


def first_misfit(model: CompletionModel, weights: Mapping[str, torch.Tensor]) -> str:
    """In words, the first of `weights` that is not as the model has it; nothing where all fit."""
    own = model.state_dict()
    for name in [*own, *weights]:
        misfit = _misfit(name, own.get(name), weights.get(name))
        if misfit:
            return f"{name} {misfit}"
    return ""


def _misfit(name: str, wanted: torch.Tensor | None, given: torch.Tensor | None) -> str:
    """In words, how one of the weights is not as the network has it; nothing where it fits."""
    if wanted is None:
        return "that is not in the network"
    if given is None:
        return f"missing, not {list(wanted.shape)}"
    if given.layout != torch.strided or given.is_meta or given.is_nested or given.is_quantized:
        return "without plain values, not a dense tensor"
    if given.shape != wanted.shape:
        return f"{list(given.shape)}, not {list(wanted.shape)}"
    if given.is_complex() or (wanted.is_floating_point() and not given.is_floating_point()):
        return f"of {given.dtype}, not {wanted.dtype}"
    if not given.isfinite().all() and wanted.isfinite().all():  # a network may hold infinity on purpose
        return "with NaN or infinity, not finite"
    if name.endswith(".threshold") and not ((given >= 0) & (given <= 1)).all():
        return f"{given.tolist()}, not in 0…1"
    return ""


def save_config(run: Path, config: Mapping[str, Any]) -> None:
    """Writes the resolved config into the run folder."""
    run.mkdir(parents=True, exist_ok=True)
    with atomic_path(run / CONFIG) as temporary:
        OmegaConf.save(OmegaConf.create(dict(config)), temporary)


def load_config(run: Path) -> dict[str, Any]:
    """The config in a run folder."""
    file = run / CONFIG
    if not file.is_file():
        raise FileNotFoundError(
            f"load_run: run must be a folder with a {CONFIG}, got {run}; make one with `completion train`"
        )
    try:
        config = OmegaConf.to_container(OmegaConf.load(file), resolve=True)
    except (YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"load_run: {file} must be YAML, got {str(error).splitlines()[0]}") from error
    if not isinstance(config, dict) or "model" not in config:
        raise ValueError(f"load_run: {file} must be the config of a run with a key 'model'; train again")
    return {str(key): value for key, value in config.items()}


def config_value(run: Path, config: Mapping[str, Any], key: str, kind: Any) -> Any:
    """What the config of a run has at a dotted key.

    Args:
        run: the folder, for the message.
        config: of the run.
        key: data.preparation.margin, for example.
        kind: a type that it must have, or dict for a group of keys.

    Raises:
        ValueError: nothing or something else is there.
    """
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    fits = isinstance(value, Mapping) if kind is dict else value_fits(value, kind)
    if not fits:
        wanted = "with keys of its own" if kind is dict else in_words(kind)
        raise ValueError(
            f"load_run: {key} in {run / CONFIG} must be {wanted}, got {value!r}; mend it or train again"
        )
    return value


def relocated(config: Any, old: str, new: str, key: str = "") -> Any:
    """A config whose folder `old` is now `new`: texts and keys that name a place in it are changed.

    The folder itself is changed under the keys `PLACES` alone: elsewhere its text may mean something else.
    """
    if isinstance(config, Mapping):
        return {relocated(name, old, new): relocated(value, old, new, name) for name, value in config.items()}
    if isinstance(config, list):
        return [relocated(value, old, new, key) for value in config]
    if isinstance(config, str) and (config.startswith(old + "/") or (config == old and key in PLACES)):
        return new + config.removeprefix(old)
    return config


def check_new(run: Path) -> None:
    """Refuses a folder that holds a trained run, so that none is overwritten."""
    for ckpt in ("last", "best"):
        if checkpoint_path(run, ckpt).exists():
            raise ValueError(
                f"fit: run_dir must be a folder without a trained run, got {run} with {ckpt}.ckpt; "
                "continue it with ckpt=last, or name another folder"
            )


def check_own(run: Path) -> None:
    """Refuses a folder in which something else than a run has the names of a run's files."""
    config, table = run / CONFIG, run / METRICS_FILE
    for file, is_own_file in ((config, is_config), (table, _is_metrics)):
        if file.exists() and not is_own_file(file):
            raise ValueError(
                f"fit: run_dir must be a new folder or that of a run, got {run} with a {file.name} of "
                "something else; name another folder"
            )


def is_config(file: Path) -> bool:
    """Whether a file is the config of a run."""
    try:
        return "trainer" in load_config(file.parent)
    except (ValueError, OSError, OmegaConfBaseException):
        return False


def _is_metrics(file: Path) -> bool:
    """Whether it is a table of a run, which begins with the step, or nothing yet."""
    if not file.is_file():
        return False
    with file.open(encoding="utf-8", errors="replace") as lines:
        return lines.readline().startswith(("step,", "step\n")) or not file.stat().st_size


def checkpoint_path(run: Path, ckpt: str) -> Path:
    """Where a run's best or last checkpoint lies."""
    return run / CHECKPOINTS / f"{ckpt}.ckpt"


def find_checkpoint(run: Path, ckpt: str) -> Path:
    """The file for best, last or a path."""
    path = checkpoint_path(run, ckpt) if ckpt in ("best", "last") else Path(ckpt)
    if not path.is_file():
        raise FileNotFoundError(
            f"find_checkpoint: ckpt must be best, last or an existing file, got {path}; "
            "a run has last.ckpt once its first epoch has ended, best.ckpt after its first validation"
        )
    return path


def model_state(contents: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The network's weights in the contents of a checkpoint."""
    return {
        name.removeprefix(MODEL_PREFIX): value
        for name, value in contents["state_dict"].items()
        if str(name).startswith(MODEL_PREFIX) and isinstance(value, torch.Tensor)
    }


def read_checkpoint(checkpoint: Path) -> dict[str, Any]:
    """A checkpoint's contents, on the CPU; it holds tensors and plain values only.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, or not a checkpoint of a run.
    """
    fault = damage(checkpoint)
    if fault:
        raise ValueError(
            f"read_checkpoint: {checkpoint} must be a checkpoint of this program, got a damaged one or "
            f"another file ({fault}); take a copy, or another checkpoint of the run"
        )
    try:
        contents = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    except OSError:
        raise
    except Exception as error:
        raise ValueError(
            f"read_checkpoint: {checkpoint} must be a checkpoint of this program, got {type(error).__name__}"
        ) from error
    if not isinstance(contents, dict) or not isinstance(contents.get("state_dict"), dict):
        raise ValueError(f"read_checkpoint: {checkpoint} must hold a state_dict; train again")
    return contents


def store_thresholds(checkpoint: Path, model: CompletionModel) -> None:
    """Writes the thresholds of `model` into a checkpoint, leaving all else as it is."""
    contents = read_checkpoint(checkpoint)
    for name, value in model.state_dict().items():
        if name.endswith(".threshold"):
            contents["state_dict"][MODEL_PREFIX + name] = value.cpu()
    write_checkpoint(contents, checkpoint)


def write_checkpoint(contents: Mapping[str, Any], checkpoint: str | Path) -> None:
    """Writes a checkpoint aside and renames it.

    Raises:
        OSError: it cannot be written whole; then what was there is left.
    """
    with atomic_path(checkpoint) as temporary:
        try:
            torch.save(dict(contents), temporary)
        except RuntimeError as error:  # what torch's writer makes of a full disk
            raise OSError(f"{checkpoint} cannot be written whole, is the disk full? ({error})") from error
