#!/usr/bin/env python
"""Times the steps of a training by the command: batches from files, Lightning's loop, AdamW, an average.

    scripts/bench_train.py trainer=gpu --json benchmarks/results/train_gpu.json
    scripts/bench_train.py data.preparation.resolution=32 data.batch_size=4 --models default --items 16

scripts/bench_step.py times the network alone. Words with "=" are overrides of `completion train`. Items are
pairs of points on spheres, tori and boxes, of each of which one side was seen; preparation is not timed. A
step is what passes from the end of a batch to the end of the next one of the same epoch; nothing waits for
the GPU in it but the training. Each model is trained as it is, without loader processes, and with an average;
after each the step of bench_step.py is timed in the same process, as a host may change its speed.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch import Callback, Trainer, seed_everything
from omegaconf import OmegaConf

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench import gpu_machine, machine
from bench.gpu_timing import ROUNDS, CudaClock, Timed, WallClock, backward_here
from bench.inputs import KINDS, Surfaces, surface_points, surfaces
from bench.records import write
from bench.steps import Loss, training_step
from completion.cli.errors import USER_ERRORS, sentence
from completion.cli.main import config_folder
from completion.cli.train import quieten
from completion.models import CompletionModel, TruthOnly
from completion.ops.host_memory import keep_freed_memory
from completion.training.fit import leave_memory_unfilled, lightning_words
from completion.training.instantiate import instantiate

MODELS = {"minkowski": "model=minkowski", "default": "model=completion"}
WAYS = {"as it is": [], "no loader processes": ["data.num_workers=0"], "moving average": ["callbacks=ema"]}
HALF_TYPES = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
EPOCHS = 6
BARE_SECONDS = 1.0
POINTS = 60_000
"""Of each whole shape: at 128³ they reach nearly every voxel of its surface."""


class StepTimes(Callback):
    """Collects the seconds of the steps within each epoch but the first."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.last: float | None = None

    def on_train_epoch_start(self, *_: Any) -> None:
        """The first step of an epoch waits for the loader to begin."""
        self.last = None

    def on_train_batch_end(self, trainer: Trainer, *_: Any, **__: Any) -> None:
        """Takes the time."""
        now = time.perf_counter()
        if self.last is not None and trainer.current_epoch > 0:
            self.seconds.append(now - self.last)
        self.last = now


def main() -> None:
    """Prints a line per model and way."""
    arguments = parse()
    keep_freed_memory()
    quieten()
    records = []
    with told_errors(), tempfile.TemporaryDirectory() as folder:
        write_pairs(Path(folder) / "pairs", arguments.items)
        for model in arguments.models:
            for way, overrides in WAYS.items():
                chosen = [*overrides, *arguments.overrides]
                records.append(
                    {"model": model, "way": way} | measure(model, chosen, Path(folder), arguments.items)
                )
                print(json.dumps(records[-1]), flush=True)
                if arguments.json:
                    write({"machine": described(arguments.commit), "trainings": records}, arguments.json)


@contextmanager
def told_errors() -> Iterator[None]:
    """A user's errors become one sentence, as the command has them."""
    try:
        with lightning_words():
            yield
    except USER_ERRORS as error:
        raise SystemExit(f"bench_train: {sentence(error)}") from error


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", help="of completion train, KEY=VALUE")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--items", type=int, default=128, help="in an epoch")
    parser.add_argument("--json", type=Path, help="file for the record")
    parser.add_argument("--commit", default="", help="for the record, where the checkout has no history")
    return parser.parse_intermixed_args()


def measure(model: str, overrides: list[str], folder: Path, items: int) -> dict[str, Any]:
    """Trains for `EPOCHS` and returns the median of the steps in milliseconds, and what it is of.

    Raises:
        ValueError: the items give fewer than two steps in an epoch.
    """
    config = configured(MODELS[model], overrides, folder)
    seed_everything(config["seed"], workers=True, verbose=False)
    data = instantiate(config["data"], "data")
    if items < 2 * data.batch_size:
        raise ValueError(f"--items must be at least two batches, {2 * data.batch_size}, got {items}")
    module = instantiate({**config["module"], "model": instantiate(config["model"], "model")}, "module")
    times = StepTimes()
    callbacks = [*instantiate(config["callbacks"], "callbacks").values(), times]
    trainer = instantiate({**config["trainer"], "callbacks": callbacks, "logger": False}, "trainer")
    leave_memory_unfilled()
    trainer.fit(module, data)
    device = trainer.strategy.root_device
    resolution, precision = config["data"]["preparation"]["resolution"], config["trainer"]["precision"]
    peak = torch.cuda.max_memory_allocated() >> 20 if device.type == "cuda" else None
    shapes = surfaces(resolution, data.batch_size).to(device)
    return {
        "resolution": resolution,
        "batch_size": data.batch_size,
        "precision": precision,
        "workers": trainer.train_dataloader.num_workers,
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "median_ms": 1e3 * statistics.median(times.seconds),
        "mean_ms": 1e3 * statistics.fmean(times.seconds),
        "steps": len(times.seconds),
        "bare_ms": bare_ms(module.model.to(device), shapes, precision),
        "peak_mb": peak,
    }


def bare_ms(model: CompletionModel, shapes: Surfaces, precision: str) -> float:
    """Median milliseconds of the step that bench_step.py times, of this network, on shapes of its device."""
    half_type = HALF_TYPES.get(precision)
    model.policy = TruthOnly()
    torch.use_deterministic_algorithms(False)  # the training switched them on, bench_step.py does not
    loss = Loss(model, shapes, half_type)
    step = training_step(loss, model.parameters(), scaled=half_type == torch.float16)
    with backward_here():
        timed = Timed([step], CudaClock() if shapes.device.type == "cuda" else WallClock(), BARE_SECONDS)
        for _ in range(ROUNDS):
            timed.round()
    return timed.times().median_ms


def configured(model: str, overrides: list[str], folder: Path) -> dict[str, Any]:
    """The config of a training without checkpoints and validation; overrides of the caller come last."""
    own = [
        *("data=pairs", f"data.source.root={folder / 'pairs'}", f"paths.cache={folder / 'cache'}"),
        *("data.preparation.resolution=128", "data.batch_size=16", f"trainer.max_epochs={EPOCHS}"),
        *("~callbacks.best", "~callbacks.last", "~callbacks.progress", "trainer.limit_val_batches=0"),
        "+trainer.enable_checkpointing=false",
        f"run_dir={folder / 'run'}",
    ]
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", [model, *own, *overrides]), resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def write_pairs(root: Path, items: int) -> None:
    """Shapes of all kinds; of each the side towards −z was seen."""
    random = np.random.default_rng(0)
    for split, count in (("train", items), ("val", 1), ("test", 1)):
        for item in range(count):
            whole = surface_points(random, KINDS[item % len(KINDS)], POINTS).astype(np.float32)
            for kind, points in (
                ("complete", whole),
                ("partial", whole[whole[:, 2] < np.median(whole[:, 2])]),
            ):
                (root / split / kind).mkdir(parents=True, exist_ok=True)
                np.save(root / split / kind / f"{split}{item}.npy", points)


def described(commit: str) -> dict[str, Any]:
    """The machine of the record."""
    about = gpu_machine.describe() if torch.cuda.is_available() else machine.describe()
    return about | ({"commit": commit} if commit else {})


if __name__ == "__main__":
    main()
