"""completion train: composes the config, or takes that of a run to continue, and trains."""

import gc
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

import completion
from completion.cli.overrides import quoted

# What Lightning says that does not apply: loading small samples needs no workers, the run folder is reused on
# purpose, and how it walks its own containers is not ours to change.
QUIET = (
    ".*does not have many workers",
    ".*Checkpoint directory .* exists",
    ".*number of training batches",
    ".*isinstance\\(treespec",
)

WHOLE = ("experiment", "debug")  # groups that change keys everywhere


def run(cfg: DictConfig) -> None:
    """Trains, prints the run folder."""
    from lightning.pytorch.utilities import rank_zero_only

    from completion.ops.host_memory import keep_freed_memory
    from completion.training.devices import better_device
    from completion.training.fit import fit

    keep_freed_memory()
    config = resolved(cfg)
    sys.argv = other_process(config["run_dir"])
    gc.freeze()  # what the imports left is not searched again at every collection
    quieten()
    is_first = rank_zero_only.rank == 0  # pyright: ignore[reportFunctionMemberAccess]
    hint = better_device(config["trainer"].get("accelerator", "auto"))
    if is_first and hint:
        print(hint, flush=True)
    run_dir = fit(config)
    if is_first:
        print(f"run folder: {run_dir}", flush=True)


def quieten() -> None:
    """Keeps what Lightning says of itself from the lines of a training."""
    for message in QUIET:
        warnings.filterwarnings("ignore", message)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


def other_process(run_dir: str) -> list[str]:
    """The words by which Lightning starts this training again, once for each further device."""
    overrides = [*HydraConfig.get().overrides.task, quoted(f"run_dir={run_dir}")]
    return [str(Path(completion.__file__).with_name("__main__.py")), "train", *overrides]


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """The plain config of this job: its own run folder under -m, the run's values when one is continued."""
    from completion.training.fit import check_keys

    hydra = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN:
        if cfg.trainer.devices != 1:
            raise ValueError(
                f"train: trainer.devices must be 1 under -m, got {cfg.trainer.devices}; "
                "processes of one job do not end before the next; start one command for each"
            )
        cfg.run_dir = hydra.runtime.output_dir
    if cfg.ckpt is not None:
        cfg = continued(cfg, list(hydra.overrides.task))
    check_keys(cfg)  # type: ignore[arg-type]
    anchor(cfg)
    return OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)  # type: ignore[return-value]


def adapted(overrides: list[str]) -> list[str]:
    """Overrides in which keys that only a continued run has, of its own groups, are known to Hydra too.

    Those that are taken away (~callbacks.ema) are given to Hydra before.

    Args:
        overrides: in Hydra's grammar.
    """
    values = {key: value for key, _, value in (override.partition("=") for override in overrides)}
    if "run_dir" not in values or values.get("ckpt", "null") == "null":
        return overrides
    config = Path(values["run_dir"].strip("\"'")) / "config.yaml"
    if not config.is_file():
        return overrides
    try:
        saved = OmegaConf.load(config)
        bare = {key.removeprefix("~") for key in values}
        known = {key for key in bare if "." in key and OmegaConf.select(saved, key) is not None}
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError):
        return overrides  # told where the run is opened
    given = []
    for override in overrides:
        key = override.partition("=")[0]
        if key.startswith("~") and key[1:] in known:
            given += [f"++{key[1:]}=0", override]
        else:
            given.append("++" + override if key in known else override)
    return given


def as_used(cfg: DictConfig, overrides: list[str]) -> DictConfig:
    """The config that a training would have."""
    return cfg if cfg.ckpt is None else continued(cfg, overrides)


def continued(cfg: DictConfig, overrides: list[str]) -> DictConfig:
    """The config saved in the run folder with this command's values, so that no flags need be repeated.

    Paths in the run folder follow it to where it is now. A group that is chosen (trainer=gpu) takes the place
    of the run's, all else stays.

    Args:
        cfg: as composed from the command line.
        overrides: key=value texts of the command line.

    Raises:
        ValueError: an experiment is chosen, which would replace what the run was trained with.
    """
    from completion.training.run import load_config, relocated

    run_dir = Path(cfg.run_dir)
    if not (run_dir / "config.yaml").is_file():
        return cfg
    config = load_config(run_dir)
    for group in ("callbacks", "logger", "trainer"):  # with paths in the run folder, which may have moved
        config[group] = relocated(config.get(group), str(config.get("run_dir", run_dir)), cfg.run_dir)
    base = OmegaConf.create(config)
    for override in overrides:
        key = override.split("=")[0].lstrip("+~")
        if key in WHOLE:
            raise ValueError(
                f"train: {key} must be left out where a run is continued, which has its own config, "
                f"got {override}; give single values, as trainer.max_epochs=40"
            )
        take(key, cfg, base)
    return base


def take(key: str, source: DictConfig, target: DictConfig) -> None:
    """Puts what `source` has at a key into `target`, interpolations as they are; removes what it has not."""
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(source, parent) if parent else source
    place = OmegaConf.select(target, parent) if parent else target
    if node is None or name not in node:
        if place is not None:
            place.pop(name, None)
        return
    plain = OmegaConf.to_container(node, resolve=False)
    OmegaConf.update(target, key, plain[name], merge=False, force_add=True)  # type: ignore[index]


def anchor(cfg: DictConfig) -> None:
    """Makes the places of the data absolute, so that the run finds them from any working directory.

    Raises:
        ValueError: one is no path.
    """
    for key in ("paths.cache", "data.preparation.cache_dir", "data.source.root"):
        place = OmegaConf.select(cfg, key)  # None where it is missing
        if place is not None:
            if not isinstance(place, str):
                raise ValueError(f"train: {key} must be a path, got {place}; name a folder")
            OmegaConf.update(cfg, key, str(Path(place).absolute()))
