"""Trains what a config describes, as one straight line; knows nothing of the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer, seed_everything

from completion.training.calibrate import calibrate
from completion.training.datamodule import CompletionDataModule
from completion.training.devices import check_device
from completion.training.instantiate import instantiate
from completion.training.run import find_checkpoint, load_run, save_config, store_thresholds

KEYS = (
    *("name", "run_dir", "seed", "ckpt", "calibrate", "paths"),
    *("data", "model", "module", "trainer", "logger", "callbacks"),
)


def fit(config: Mapping[str, Any]) -> Path:
    """Trains what `config` describes and returns the run folder.

    Args:
        config: resolved, with exactly the keys `KEYS`.

    Raises:
        ValueError: an unknown key, or an accelerator that this machine lacks.
        FileNotFoundError: the checkpoint to continue from does not exist.
    """
    check_keys(config)
    check_device("fit: trainer.accelerator", config["trainer"]["accelerator"])
    run_dir = Path(config["run_dir"])
    resumed = None if config["ckpt"] is None else find_checkpoint(run_dir, config["ckpt"])
    seed_everything(config["seed"], workers=True, verbose=False)
    data = instantiate(config["data"], "data")
    module = instantiate({**config["module"], "model": instantiate(config["model"], "model")}, "module")
    callbacks = list(instantiate(config["callbacks"], "callbacks").values())
    loggers = list(instantiate(config["logger"], "logger").values())
    trainer = make_trainer({**config["trainer"], "callbacks": callbacks, "logger": loggers})
    # Deterministic mode would also fill all new memory with NaN, a sixth of a step; every operator writes all
    # of its output, and tests/ops/test_determinism.py compares runs bit for bit.
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
    save_config(run_dir, config)
    trainer.fit(module, data, ckpt_path=resumed, weights_only=True)
    if config["calibrate"]:
        calibrate_best(run_dir, data)
    return run_dir


def calibrate_best(run_dir: Path, data: CompletionDataModule) -> list[float]:
    """Calibrates the run's best checkpoint on the validation split and stores the thresholds in it.

    last.ckpt is left as it is, so that training continues from it as if it had never stopped.
    """
    run = load_run(run_dir, ckpt="best")
    thresholds = calibrate(run.model, data.calibration_dataloader())
    store_thresholds(run.checkpoint, run.model)
    print("thresholds, coarse to fine:", " ".join(f"{value:.2f}" for value in thresholds), flush=True)
    return thresholds


def check_keys(config: Mapping[str, Any]) -> None:
    """Refuses keys that nothing reads, for example from a misspelt experiment file."""
    unknown = sorted(set(config) - set(KEYS))
    missing = sorted(set(KEYS) - set(config))
    if unknown or missing:
        raise ValueError(
            f"fit: config must have the keys {', '.join(KEYS)}; unknown: {unknown}, missing: {missing}"
        )


def make_trainer(config: Mapping[str, Any]) -> Trainer:
    """The trainer that `config` describes; what Lightning refuses becomes a ValueError."""
    try:
        return instantiate(config, "trainer")
    except MisconfigurationException as error:
        raise ValueError(f"fit: trainer must have values that Lightning takes, got: {error}") from error
