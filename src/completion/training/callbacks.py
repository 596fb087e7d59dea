"""What happens beside the training step: progress lines, what the run folder keeps.

Checkpoints are Lightning's own, and so is the averaging, but for where the average lies and how it moves.
"""

import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, Timer, WeightAveraging
from torch.optim.swa_utils import get_ema_multi_avg_fn

from completion.nn.functional.checks import check_probability
from completion.training.run import relocated, save_config

SHOWN = (("train/loss", "loss"), ("val/iou", "val iou"), ("val/iou_missing", "missing"))


class ProgressLines(Callback):
    """Prints one line per epoch, and within long epochs one now and then; reads well in log files too.

    Args:
        every_seconds: from one line to the next within an epoch.
    """

    def __init__(self, every_seconds: float = 15.0) -> None:
        self.every_seconds = every_seconds
        self.started = self.last_line = time.monotonic()
        self.first_step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts the clock."""
        self.started = self.last_line = time.monotonic()
        self.first_step = trainer.global_step
        parameters = sum(parameter.numel() for parameter in pl_module.parameters())
        if trainer.is_global_zero:
            print(f"training {parameters:,} parameters for {self._steps(trainer)} steps", flush=True)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args, **kwargs) -> None:
        """Prints a line if the last one is long ago."""
        if time.monotonic() - self.last_line >= self.every_seconds:
            self._print(trainer, f"step {trainer.global_step}/{self._steps(trainer)}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Prints the line of the epoch, if it was validated or the last line is long ago."""
        validated = trainer.fit_loop.epoch_loop._should_check_val_epoch()
        if validated or time.monotonic() - self.last_line >= self.every_seconds:
            last = trainer.max_epochs if (trainer.max_epochs or 0) > 0 else "…"  # the steps are counted
            # Of an epoch that trainer.max_steps ends there are no means yet: those there are the last one's.
            whole = trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
            self._print(trainer, f"epoch {trainer.current_epoch + 1}/{last}", with_means=whole)

    def _steps(self, trainer: Trainer) -> int:
        return int(trainer.estimated_stepping_batches)

    def _print(self, trainer: Trainer, head: str, with_means: bool = True) -> None:
        self.last_line = time.monotonic()
        passed = self.last_line - self.started
        done = trainer.global_step - self.first_step
        todo = max(self._steps(trainer) - trainer.global_step, 0)
        ends = [passed / done * todo if done else float("nan"), *_remaining(trainer)]
        metrics = trainer.callback_metrics if with_means else {}
        shown = [f"{label} {float(metrics[key]):.3f}" for key, label in SHOWN if key in metrics]
        if trainer.is_global_zero:
            print("  ".join([head, *shown, f"{passed:.0f} s, {min(ends):.0f} s left"]), flush=True)


def _remaining(trainer: Trainer) -> Iterator[float]:
    """Seconds until trainer.max_time ends the training, if it is set."""
    for callback in trainer.callbacks:  # pyright: ignore[reportAttributeAccessIssue]
        if isinstance(callback, Timer) and (seconds := callback.time_remaining()) is not None:
            yield max(seconds, 0.0)


class MovingAverage(WeightAveraging):
    """Lightning's exponential moving average of the weights, beside them on the device that trains.

    Lightning's own looks for the network's device before the network is there: on a GPU its average stays in
    the host's memory, to which every step copies all weights. It also takes them one by one.

    Args:
        decay: share of the average that stays at each step.
    """

    def __init__(self, decay: float = 0.999) -> None:
        check_probability("MovingAverage", "decay", decay)
        super().__init__(multi_avg_fn=get_ema_multi_avg_fn(decay))

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Makes the average."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)


def interrupt(*_: Any) -> None:
    """A handler of signals."""
    raise KeyboardInterrupt


class RunFolder(Callback):
    """Writes the config into the run folder after the first step: one that fails earlier leaves what was.

    A folder that was moved goes on with what it knows of its best checkpoint; one that begins from another
    run's checkpoint has a best one of its own.

    Args:
        run_dir: the run folder.
        config: as trained.
        begins_elsewhere: the checkpoint to go on from is that of another run.
    """

    def __init__(self, run_dir: Path, config: Mapping[str, Any], begins_elsewhere: bool = False) -> None:
        self.run_dir = run_dir
        self.config = config
        self.begins_elsewhere = begins_elsewhere
        self.written = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ends several processes as an interruption does.

        Lightning tells them of SIGTERM by a broadcast, which can meet another one under way and hang.
        """
        if trainer.world_size > 1:
            signal.signal(signal.SIGTERM, interrupt)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Lightning forgets the best score where the folder has another name than in the checkpoint."""
        states = checkpoint["callbacks"]
        for callback in trainer.callbacks:  # pyright: ignore[reportAttributeAccessIssue]
            if isinstance(callback, ModelCheckpoint) and callback.state_key in states:
                state = states.pop(callback.state_key)
                if not self.begins_elsewhere:
                    states[callback.state_key] = relocated(state, state["dirpath"], str(callback.dirpath))

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args, **kwargs) -> None:
        """Writes config.yaml and tells the loggers of it, once."""
        if trainer.is_global_zero and not self.written:
            save_config(self.run_dir, self.config)
            for logger in trainer.loggers:
                logger.log_hyperparams(dict(self.config))
        self.written = True
