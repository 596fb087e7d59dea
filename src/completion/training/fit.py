"""Trains what a config describes, as one straight line; knows nothing of the command line."""

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule, Trainer, seed_everything

from completion.training.calibrate import calibrate
from completion.training.callbacks import RunFolder
from completion.training.datamodule import CompletionDataModule
from completion.training.devices import check_device, check_processes
from completion.training.instantiate import instantiate
from completion.training.loggers import MetricsCsv
from completion.training.places import check_places, is_of_a_run, is_own
from completion.training.run import (
    CONFIG,
    check_new,
    check_own,
    check_resumable,
    checkpoint_path,
    find_checkpoint,
    is_config,
    load_run,
    store_thresholds,
)
from completion.training.run_lock import locked
from completion.training.whole_checkpoints import WholeCheckpoints

GROUPS = ("data", "model", "module", "trainer", "logger", "callbacks")
KEYS = ("name", "run_dir", "seed", "ckpt", "calibrate", "paths", *GROUPS)
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")


def fit(config: Mapping[str, Any]) -> Path:
    """Trains what `config` describes and returns the run folder.

    Args:
        config: resolved, with exactly the keys `KEYS`.

    Raises:
        ValueError: an unknown key, an accelerator that this machine lacks, a run folder that is in use or
            holds a trained run that is not the one to continue, a place with files of something else, or a
            training without a step.
        FileNotFoundError: the checkpoint to continue from does not exist.
    """
    check_keys(config)
    check_values(config)
    run_dir = Path(config["run_dir"])
    resumed = None if config["ckpt"] is None else find_checkpoint(run_dir, config["ckpt"])
    seed_everything(config["seed"], workers=True, verbose=False)
    data = instantiate(config["data"], "data")
    model = instantiate(config["model"], "model")
    if resumed is not None:
        check_resumable(resumed, model)
    module = instantiate({**config["module"], "model": model}, "module")
    begins_elsewhere = resumed is not None and not is_own(run_dir, resumed)
    run_folder = RunFolder(run_dir, config, begins_elsewhere)
    with lightning_words():
        callbacks = instantiate(config["callbacks"], "callbacks")
        loggers = instantiate(config["logger"], "logger")
        parts = {
            "callbacks": [*callbacks.values(), run_folder],
            "logger": list(loggers.values()),
            "plugins": plugins_of(config["trainer"]),
        }
        trainer = instantiate({**config["trainer"], **parts}, "trainer")
    leave_memory_unfilled()
    with locked(run_dir):
        if resumed is None or (begins_elsewhere and is_of_a_run(resumed)):
            check_new(run_dir)
        check_own(run_dir)
        check_places(run_dir, callbacks, loggers, resumed is not None)
        for logger in loggers.values():
            if isinstance(logger, MetricsCsv):
                logger.begin(continues=resumed is not None and is_config(run_dir / CONFIG))
        train(trainer, module, data, run_dir, resumed)
        if trainer.is_global_zero and not run_folder.written:  # as it is after the first step
            print("no step was left to train; trainer.max_epochs= or max_time= says how long", flush=True)
        if config["calibrate"] and trainer.is_global_zero and not config["trainer"].get("fast_dev_run"):
            calibrate_best(run_dir, data, trainer.strategy.root_device)
    return run_dir


def leave_memory_unfilled() -> None:
    """Keeps deterministic mode from filling all new memory with NaN, a sixth of a step.

    Every operator writes all of its output, and tests/ops/test_determinism.py compares runs bit for bit.
    """
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]


def plugins_of(trainer: Mapping[str, Any]) -> list[Any]:
    """The trainer's plugins, and one that writes checkpoints whole, unless one of them writes checkpoints."""
    given = instantiate(trainer.get("plugins"), "trainer.plugins")
    plugins = given if isinstance(given, list) else [] if given is None else [given]
    has_own = any(isinstance(plugin, CheckpointIO) for plugin in plugins)
    return plugins if has_own else [*plugins, WholeCheckpoints()]


def train(
    trainer: Trainer,
    module: LightningModule,
    data: CompletionDataModule,
    run_dir: Path,
    resumed: Path | None,
) -> None:
    """Trains; what Lightning refuses and a training without a step become a ValueError.

    Raises:
        KeyboardInterrupt: the user stopped it; Lightning itself would end the process.
    """
    try:
        with lightning_words():
            trainer.fit(module, data, ckpt_path=resumed, weights_only=True)
    except SystemExit as error:
        has_begun = checkpoint_path(run_dir, "last").is_file()
        own = shlex.quote(f"run_dir={run_dir}")
        hint = f"; `completion train {own} ckpt=last` goes on" if has_begun else ""
        raise KeyboardInterrupt(hint) from error
    if trainer.global_step == 0:
        raise ValueError(
            "fit: training must take at least one step, got none; raise trainer.max_epochs, "
            "trainer.limit_train_batches or data.overfit"
        )


def calibrate_best(
    run_dir: Path, data: CompletionDataModule, device: torch.device | str = "cpu"
) -> list[float] | None:
    """Calibrates the run's best checkpoint on the validation split and stores the thresholds in it.

    last.ckpt is left as it is, so that training continues from it as if it had never stopped. Without a
    validation there is no best checkpoint; that is said, and None returned.
    """
    if not checkpoint_path(run_dir, "best").is_file():
        print(
            "there is no best.ckpt, so nothing was calibrated; use ckpt=last, or train with validations "
            "(whole epochs, trainer.check_val_every_n_epoch=1, trainer.limit_val_batches=1.0) and "
            "callbacks.best as it was",
            flush=True,
        )
        return None
    run = load_run(run_dir, device, ckpt="best")
    thresholds = calibrate(run.model, data.calibration_dataloader())
    store_thresholds(run.checkpoint, run.model)
    print("thresholds, coarse to fine:", " ".join(f"{value:.2f}" for value in thresholds), flush=True)
    return thresholds


def check_keys(config: Mapping[str, Any]) -> None:
    """Refuses keys that nothing reads, as of a misspelt experiment file, and groups without keys."""
    unknown = sorted(set(config) - set(KEYS))
    missing = sorted(set(KEYS) - set(config))
    if unknown or missing:
        raise ValueError(
            f"fit: config must have the keys {', '.join(KEYS)}; unknown: {unknown}, missing: {missing}"
        )
    for group in GROUPS:
        if not isinstance(config[group], Mapping):
            raise ValueError(
                f"fit: {group} must be a group of keys, got {config[group]!r}; choose one of its configs"
            )


def check_values(config: Mapping[str, Any]) -> None:
    """Refuses values that would fail once training has begun, or in words that name no key.

    Raises:
        ValueError: naming the key.
    """
    trainer, model, preparation = config["trainer"], config["model"], config["data"].get("preparation", {})
    if not 0 <= config["seed"] < 2**32:
        raise ValueError(f"fit: seed must be in 0…2³² − 1, got {config['seed']}")
    accelerator = trainer.get("accelerator", "auto")
    if not isinstance(accelerator, str):
        raise ValueError(f"fit: trainer.accelerator must be text, got {accelerator}; cpu and cuda are usual")
    check_device("fit: trainer.accelerator", accelerator)
    check_processes("fit: trainer.devices", trainer.get("devices"))
    if trainer.get("precision", PRECISIONS[0]) not in PRECISIONS:
        raise ValueError(
            f"fit: trainer.precision must be {', '.join(PRECISIONS)}, got {trainer['precision']}; "
            "weights stay float32, products take half types where autocast says so"
        )
    strategy = trainer.get("strategy", "auto")
    if any(way in str(strategy) for way in ("spawn", "fork", "notebook")):
        raise ValueError(
            f"fit: trainer.strategy must start its processes by the command, as ddp does, got {strategy}; "
            "leave it out, trainer.devices is enough"
        )
    if trainer.get("max_epochs") in (None, -1) and trainer.get("max_steps") in (None, -1):
        raise ValueError(
            f"fit: trainer.max_epochs must be at least 1 without trainer.max_steps, got "
            f"{trainer.get('max_epochs')}; the learning rate falls until then, trainer.max_time is no end"
        )
    check_max_time(trainer.get("max_time"))
    every = trainer.get("check_val_every_n_epoch")
    if isinstance(every, int) and every < 1:
        raise ValueError(
            f"fit: trainer.check_val_every_n_epoch must be at least 1, got {every}; "
            "trainer.limit_val_batches=0 leaves validation out"
        )
    resolution = preparation.get("resolution")
    if model.get("resolution") != resolution:
        raise ValueError(
            f"fit: model.resolution must be that of the data, {resolution}, got {model.get('resolution')}; "
            "a trained network keeps its resolution, a new one follows data.preparation.resolution"
        )
    if model.get("in_channels", 1) != 1:
        raise ValueError(
            "fit: model.in_channels must be 1, as the voxels of a scan have no features, "
            f"got {model['in_channels']}"
        )


def check_max_time(value: Any) -> None:
    """Refuses a length of time that Lightning's timer does not take.

    Raises:
        ValueError: saying which it takes.
    """
    if isinstance(value, str):
        fits = re.fullmatch(r"\d+:\d\d:\d\d:\d\d", value.strip()) is not None
    else:
        fits = value is None or (isinstance(value, Mapping) and _is_length(value))
    if not fits:
        raise ValueError(
            f"fit: trainer.max_time must be as 00:12:00:00 (days, hours, minutes, seconds), got {value}; "
            "null is no limit, {minutes: 12} is a form too"
        )


def _is_length(parts: Mapping[str, Any]) -> bool:
    """Whether these are arguments of a timedelta above zero."""
    try:
        return timedelta(**parts) > timedelta()
    except (TypeError, OverflowError, ValueError):
        return False


@contextmanager
def lightning_words() -> Iterator[None]:
    """What Lightning refuses becomes a ValueError."""
    try:
        yield
    except MisconfigurationException as error:
        raise ValueError(f"fit: trainer must have values that Lightning takes, got: {error}") from error
