"""completion train: composes the config, or takes that of a run to continue, and trains."""

import gc
import logging
import warnings
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

# What Lightning says that does not apply: loading small samples needs no workers, the run folder is reused on
# purpose, and how it walks its own containers is not ours to change.
QUIET = (
    ".*does not have many workers",
    ".*Checkpoint directory .* exists",
    ".*number of training batches",
    ".*isinstance\\(treespec",
)


def run(cfg: DictConfig) -> None:
    """Trains, prints the run folder."""
    from completion.ops.host_memory import keep_freed_memory
    from completion.training.fit import fit

    keep_freed_memory()
    gc.freeze()  # what the imports left is not searched again at every collection
    for message in QUIET:
        warnings.filterwarnings("ignore", message)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    print(f"run folder: {fit(resolved(cfg))}", flush=True)


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """The plain config of this job: its own run folder under -m, the run's values when one is continued."""
    hydra = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN:
        cfg.run_dir = hydra.runtime.output_dir
    if cfg.ckpt is not None:
        cfg = continued(cfg, list(hydra.overrides.task))
    anchor(cfg)
    return OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)  # type: ignore[return-value]


def continued(cfg: DictConfig, overrides: list[str]) -> DictConfig:
    """The config saved in the run folder with this command's values, so that no flags need be repeated.

    Paths in the run folder follow it to where it is now. A choice of a whole group (data=…, experiment=…)
    composes the config anew instead.

    Args:
        cfg: as composed from the command line.
        overrides: key=value texts of the command line.
    """
    from completion.training.run import load_config, relocated

    saved = Path(cfg.run_dir) / "config.yaml"
    keys = [override.split("=")[0] for override in overrides]
    values = [key for key in keys if "." in key or key in ("run_dir", "ckpt", "seed", "name", "calibrate")]
    if not saved.is_file() or len(values) < len(keys):
        return cfg
    config = load_config(Path(cfg.run_dir))
    for group in (
        "callbacks",
        "logger",
        "trainer",
    ):  # they hold paths in the run folder, which may have moved
        config[group] = relocated(config.get(group), config["run_dir"], cfg.run_dir)
    base = OmegaConf.create(config)
    for key in values:
        OmegaConf.update(base, key, OmegaConf.select(cfg, key), force_add=False)
    return base


def anchor(cfg: DictConfig) -> None:
    """Makes the places of the data absolute, so that the run finds them from any working directory."""
    for key in ("paths.cache", "data.preparation.cache_dir", "data.source.root"):
        place = OmegaConf.select(cfg, key)  # None where it is missing
        if place is not None:
            OmegaConf.update(cfg, key, str(Path(place).absolute()))
