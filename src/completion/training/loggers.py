"""Where logged numbers go: metrics.csv in the run folder always, Weights & Biases by choice."""

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from completion.data.files import atomic_path
from completion.training.metrics_table import read_rows


class MetricsCsv(Logger):
    """One flat CSV file: a row per step at which something was logged, a column per name.

    A resumed run continues the file: rows at and after the step it resumes from are replaced.

    Args:
        path: the file to write.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path)
        self.rows: dict[int, dict[str, Any]] = {}
        self.earlier: dict[int, dict[str, Any]] | None = None
        self.resumed = False

    def begin(self, continues: bool) -> None:
        """Says before a training whether it goes on with what is in the file; by default it does.

        Raises:
            ValueError: it does, and something else is in the file.
        """
        self.earlier = self._read() if continues else {}

    @property
    def name(self) -> str:
        """Nothing: the file's place is given whole."""
        return ""

    @property
    def version(self) -> str:
        """Nothing, likewise."""
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> "MetricsCsv":
        """The logger itself."""
        return self

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: config.yaml in the run folder has them all."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Adds numbers to the row of a step."""
        step = step if step is not None else max(self.rows, default=0)
        if not self.resumed:
            earlier = self._read() if self.earlier is None else self.earlier
            self.rows = {old: row for old, row in earlier.items() if old < step}
            self.resumed = True
        self.rows.setdefault(step, {}).update(metrics)

    @rank_zero_only
    def save(self) -> None:
        """Writes the file whole, atomically, once there is anything: a file to continue is left alone."""
        if not self.rows:
            return
        names = [name for row in self.rows.values() for name in row]
        columns = list(dict.fromkeys(["step", "epoch", *names]))
        with atomic_path(self.path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows({"step": step, **row} for step, row in sorted(self.rows.items()))

    def finalize(self, status: str) -> None:
        """Writes what is left."""
        self.save()

    def _read(self) -> dict[int, dict[str, Any]]:
        if not self.path.is_file():
            return {}
        return {int(row.pop("step")): row for row in read_rows(self.path)}


class RunWandbLogger(WandbLogger):
    """A Weights & Biases logger whose run ends with the training, so that the next one begins its own."""

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Sends what is left and ends the run."""
        import wandb

        super().finalize(status)
        wandb.finish()


def wandb_logger(run_dir: str, project: str, name: str, offline: bool = False) -> WandbLogger:
    """A Weights & Biases logger whose files lie in the run folder.

    Args:
        run_dir: the run folder.
        project: of the account.
        name: of the run.
        offline: only write files; needs no account (`wandb sync` sends them later). WANDB_MODE=offline in the
            environment says so too, and disabled that nothing is written.

    Raises:
        ValueError: online, but nobody is logged in.
    """
    import wandb

    mode = os.environ.get("WANDB_MODE")
    offline = offline or mode in ("offline", "dryrun")
    if not offline and mode != "disabled" and not wandb.login(prompt=False, verify=False):
        raise ValueError(
            "wandb_logger: logger.wandb.offline must be true without an account, got false; "
            "run `wandb login` first or pass logger.wandb.offline=true"
        )
    Path(run_dir).mkdir(parents=True, exist_ok=True)
    return RunWandbLogger(name=name, project=project, save_dir=run_dir, offline=offline)
