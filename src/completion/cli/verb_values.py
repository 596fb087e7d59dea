"""Checks the plain values of a verb against the types of its defaults; groups check their own."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from completion.training.value_types import in_words, value_fits


def check_verb_values(verb: str, cfg: DictConfig, defaults: Path) -> None:
    """Refuses a value of another type than its default has; a default of null says nothing.

    Args:
        verb: for the message.
        cfg: as composed.
        defaults: the verb's config file.

    Raises:
        ValueError: naming the key, what it takes and what was given.
    """
    file = OmegaConf.to_container(OmegaConf.load(defaults))
    assert isinstance(file, dict)
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
