"""Checks a verb's keys, and its plain values against the types of their defaults; groups check their own."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from completion.training.value_types import in_words, value_fits


def check_verb_values(verb: str, cfg: DictConfig, defaults: Path) -> None:
    """Refuses keys that the verb lacks, as +key=… adds them, and values of another type than their defaults.

    A default of null says nothing of types.

    Args:
        verb: for the message.
        cfg: as composed.
        defaults: the verb's config file.

    Raises:
        ValueError: naming the key, what it takes and what was given.
    """
    file = _content(defaults)
    _check_keys(cfg, file, defaults.parent)
    for key, default in file.items():
        if (
            key == "defaults"
            or default is None
            or isinstance(default, dict)
            or OmegaConf.is_missing(cfg, key)
        ):
            continue
        value = cfg[key]
        if isinstance(default, list):
            value = list(value) if OmegaConf.is_list(value) else value
            fits = value_fits(value, list[float]) and len(value) == len(default)
            wanted = f"{len(default)} numbers"
        else:
            fits, wanted = value_fits(value, type(default)), in_words(type(default))
        if not fits:
            raise ValueError(f"{verb}: {key} must be {wanted}, got {value}")


def _check_keys(cfg: DictConfig, file: dict[str, Any], configs: Path) -> None:
    known = _keys_of(file)
    if known & {"train", "experiment"}:  # an experiment has keys of a training, most of them for that alone
        known |= _keys_of(_content(configs / "train.yaml"))
    for key in cfg:
        if key not in known:
            raise ValueError(f"the config has no key '{key}'; --help tells every key")


def _content(file: Path) -> dict[str, Any]:
    """A config file, nothing of its defaults put in."""
    content = OmegaConf.to_container(OmegaConf.load(file))
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def _keys_of(file: dict[str, Any]) -> set[str]:
    """Keys and groups of a config file, and the other files that it begins with."""
    known = set(file)
    for entry in file["defaults"]:
        names = [entry] if isinstance(entry, str) else list(entry)
        known |= {str(name).removeprefix("override ") for name in names}
    return known
