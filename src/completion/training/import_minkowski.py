"""A run folder from weights of MinkowskiEngine's completion network; names are in models.from_minkowski."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import lightning
import torch
from torch import Tensor

from completion.data.files import atomic_folder, check_vacant
from completion.models.from_minkowski import channels_of, load_minkowski, without_prefix
from completion.models.minkowski_net import MinkowskiNet
from completion.training.archive import damage
from completion.training.fit import check_keys
from completion.training.instantiate import instantiate
from completion.training.run import MODEL_PREFIX, checkpoint_path, save_config, write_checkpoint


def import_minkowski(weights: Path, config: Mapping[str, Any]) -> MinkowskiNet:
    """Makes the run folder `config["run_dir"]` with the weights as its best checkpoint; returns the network.

    Args:
        weights: file of torch.save.
        config: of a training, resolved; the channels of its model are replaced by those of the weights.

    Raises:
        OSError: no such file, or one that cannot be read.
        ValueError: the file holds something else, or the run folder has files in it.
    """
    check_keys(config)
    check_vacant(config["run_dir"])
    state = without_prefix(read_state(weights))
    model = {**config["model"], "channels": channels_of(state)}
    net = instantiate(model, "model")
    if not isinstance(net, MinkowskiNet):
        raise ValueError(f"import_minkowski: model must be minkowski, got {type(net).__name__}")
    load_minkowski(net, state)
    with atomic_folder(config["run_dir"]) as folder:
        save_config(folder, {**config, "model": model})
        write_checkpoint(fresh_checkpoint(net), checkpoint_path(folder, "best"))
    return net


def read_state(weights: Path) -> dict[str, Tensor]:
    """The state dict in a file: the whole of it, or its entry `state_dict`; nothing else is unpickled."""
    try:
        contents = torch.load(weights, map_location="cpu", weights_only=True)
        fault = damage(weights) if is_zipfile(weights) else ""  # torch before 1.6 wrote no archives
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except Exception as error:
        raise ValueError(
            f"read_state: {weights} must be a file of torch.save with nothing but tensors and plain values, "
            f"got one that torch.load(weights_only=True) refuses ({type(error).__name__}); "
            "save the network's state_dict()"
        ) from error
    if fault:
        raise ValueError(
            f"read_state: {weights} must be as torch.save wrote it, got a damaged one ({fault}); "
            "take another copy"
        )
    state = contents.get("state_dict", contents) if isinstance(contents, dict) else contents
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(
            f"read_state: {weights} must hold a state dict, names with their tensors, got "
            f"{_content(state)}; save the network's state_dict()"
        )
    for name, value in state.items():
        if value.layout != torch.strided or value.is_meta:
            raise ValueError(
                f"read_state: {name} in {weights} must be a dense tensor with values, got a "
                f"{'meta' if value.is_meta else value.layout} one; save the network's state_dict()"
            )
    return {str(name): value for name, value in state.items()}


def fresh_checkpoint(net: MinkowskiNet) -> dict[str, Any]:
    """What Lightning reads as a training that has not begun: weights alone, no state of an optimiser."""
    return {
        "state_dict": {MODEL_PREFIX + name: value for name, value in net.state_dict().items()},
        "optimizer_states": [],
        "lr_schedulers": [],
        "epoch": 0,
        "global_step": 0,
        "pytorch-lightning_version": lightning.__version__,
    }


def _content(state: Any) -> str:
    """What was found instead of a state dict, in words."""
    if not isinstance(state, dict):
        return f"a {type(state).__name__}"
    name, value = next(item for item in state.items() if not isinstance(item[1], Tensor))
    return f"a {type(value).__name__} named {name}"
