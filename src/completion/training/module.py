"""CompletionModule: step, log and optimiser, nothing else; network, loss and measures live elsewhere."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from completion.data.collate import Batch
from completion.metrics.voxel_scores import voxel_scores
from completion.models.completion_model import Completion, CompletionModel
from completion.models.losses import completion_loss, dilated
from completion.ops.checks import check_type
from completion.sparse import CoordMap
from completion.training.host_copy import HostCopy
from completion.training.optimiser import make_adamw, restart_schedule, warm_up_cosine
from completion.training.tensors import input_tensor, truth_map

LOGGED_SCORES = ("iou", "iou_missing", "precision", "recall")


class CompletionModule(LightningModule):
    """Trains a `CompletionModel`.

    Args:
        model: the network.
        learning_rate: peak of AdamW's schedule.
        weight_decay: of weights, not of biases and norms.
        warm_up_steps: linear rise at the beginning.
        missing_weight: weight in the loss of occupied voxels that the scan does not show; all others count 1.
        dice_weight: weight in the loss of 1 − Dice at the finest level; 0 leaves it out.
    """

    def __init__(
        self,
        model: CompletionModel,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.01,
        warm_up_steps: int = 50,
        missing_weight: float = 3.0,
        dice_weight: float = 0.0,
    ) -> None:
        super().__init__()
        check_model(model)
        given = {
            **{"learning_rate": learning_rate, "weight_decay": weight_decay, "warm_up_steps": warm_up_steps},
            **{"missing_weight": missing_weight, "dice_weight": dice_weight},
        }
        for name, value in given.items():
            if not value >= 0:
                raise ValueError(f"CompletionModule: {name} must be at least 0, got {value}; 0 leaves it out")
        self.model = model
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warm_up_steps = warm_up_steps
        self.missing_weight = missing_weight
        self.dice_weight = dice_weight
        self._means = EpochMeans()

    def forward(self, batch: Batch) -> tuple[Completion, CoordMap]:
        """The completion of a batch, with a target at each level, and the voxels of its input."""
        partial, truth = input_tensor(batch, self.device), truth_map(batch, self.device)
        if self.missing_weight != 1:
            self._make_dilated(partial.coord_map)
        completion = self.model(partial, truth)
        name = f"{type(self.model).__name__}.forward"
        check_type(name, "what it returns", completion, Completion, "make one of its kept voxels and levels")
        return completion, partial.coord_map

    def _make_dilated(self, partial: CoordMap) -> None:
        """Makes what the loss asks for. Coordinates first, see CompletionModel.make_targets."""
        partial.pyramid(len(self.model.strides) - 1)  # all strides by one host read
        for stride in self.model.strides:
            dilated(partial, stride)

    def on_train_start(self) -> None:
        """The state of a continued run has brought its own learning rate and decay."""
        optimiser, schedule = self.trainer.optimizers[0], self.lr_schedulers()
        # A callback may have put others in their places.
        if isinstance(optimiser, AdamW) and isinstance(schedule, LambdaLR):
            restart_schedule(optimiser, schedule, self.learning_rate, self.weight_decay)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The loss of a batch, under the network's prune policy."""
        set_progress = getattr(self.model.policy, "set_progress", None)
        if set_progress is not None:
            set_progress(self.global_step / max(self.trainer.estimated_stepping_batches, 1))
        completion, partial = self(batch)
        loss, logs = self._loss("train", completion, partial)
        logs |= guard_counts(completion)
        logs["train/learning_rate"] = self.trainer.optimizers[0].param_groups[0]["lr"]
        self._means.add(logs, batch.batch_size)
        if self.trainer.is_last_batch:
            self._log_means()
        return loss

    def on_train_epoch_end(self) -> None:
        """Writes the means; an epoch may have ended before its last batch.

        Lightning would write them after the checkpoint of this epoch, and a run that is killed in between
        would continue without them.
        """
        self._log_means()
        means = {name: float(value) for name, value in self._means.take().items()}
        for logger in self.loggers:
            logger.log_metrics({**means, "epoch": self.current_epoch}, step=self.global_step - 1)
            logger.save()

    def _log_means(self) -> None:
        """Once an epoch, for callbacks: Lightning's own means cost more each step than the optimiser."""
        means = self._means.means()
        self.log_dict(means, on_step=False, on_epoch=True, batch_size=1, logger=False, sync_dist=True)

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Loss and scores of a batch, free-running: what is kept is what is predicted."""
        completion, partial = self(batch)
        logs = self._loss("val", completion, partial)[1]
        logs |= {f"val/{name}": value for name, value in batch_scores(completion, batch).items()}
        self.log_dict(logs, batch_size=batch.batch_size, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """AdamW with warm-up and cosine, stepped per batch."""
        optimiser = make_adamw(self.model, self.learning_rate, self.weight_decay)
        schedule = warm_up_cosine(optimiser, int(self.trainer.estimated_stepping_batches), self.warm_up_steps)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """On the calling thread: handed to autograd's own for a GPU, small layers take longer.

        Raises:
            ValueError: the loss was not finite. It is looked at when the pass is queued, as a GPU would have
                nothing to do meanwhile; the optimiser has not stepped.
        """
        on_its_way = HostCopy(loss)
        with torch.autograd.set_multithreading_enabled(False):
            super().backward(loss, *args, **kwargs)
        value = float(on_its_way.value())
        if not math.isfinite(value):
            raise ValueError(
                f"training_step: loss must be finite, got {value} at step {self.global_step}; "
                "train with a lower module.learning_rate, from the last epoch with ckpt=last"
            )

    def _loss(
        self, stage: str, completion: Completion, partial: CoordMap
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        loss, parts = completion_loss(completion.levels, partial, self.missing_weight, self.dice_weight)
        logs: dict[str, Tensor | float] = {f"{stage}/loss": loss.detach()}
        logs |= {f"{stage}/{name}": value.detach() for name, value in parts.items()}
        return loss, logs


def check_model(model: Any) -> None:
    """Checks that a network has what the application asks of a `CompletionModel`.

    Raises:
        TypeError: another class, or an attribute is missing.
        ValueError: its stride is no power of two, or there are fewer prune layers than strides.
    """
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    check_type("CompletionModule", "model", model, CompletionModel, "derive the network from it")
    name = type(model).__name__
    for attribute in ("resolution", "stride", "policy"):
        if not hasattr(model, attribute):
            raise TypeError(
                f"CompletionModule: model must have the attribute {attribute}, got none in {name}; "
                "set it in __init__, see CompletionModel"
            )
    if model.stride not in [2**level for level in range(len(model.prunes))]:
        raise ValueError(
            f"CompletionModule: model's stride must be that of the coarsest of its {len(model.prunes)} prune "
            f"layers, whose strides halve down to 1, got {model.stride} in {name}; set it in __init__"
        )


class EpochMeans:
    """Means of logged values over the batches of an epoch, weighted by their items."""

    _sums: dict[str, float]
    _tensor_sums: dict[tuple[str, ...], Tensor]

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._sums, self._tensor_sums, self._items = {}, {}, 0

    def add(self, logs: Mapping[str, Tensor | float], items: int) -> None:
        """Takes in the values of a batch; tensors stay on their device."""
        tensors = {name: value for name, value in logs.items() if isinstance(value, Tensor)}
        if tensors:  # all by three kernels, not each by two
            names, values = tuple(tensors), torch.stack(list(tensors.values())) * items
            before = self._tensor_sums.get(names)
            self._tensor_sums[names] = values if before is None else before + values
        for name, value in logs.items():
            if name not in tensors:
                self._sums[name] = self._sums.get(name, 0.0) + float(value) * items
        self._items += items

    def means(self) -> dict[str, Tensor | float]:
        """The means of what was taken in so far."""
        means: dict[str, Tensor | float] = {name: total / self._items for name, total in self._sums.items()}
        for names, totals in self._tensor_sums.items():
            for name, mean in zip(names, (totals / self._items).unbind(), strict=True):
                means[name] = means.get(name, 0.0) + mean
        return means

    def take(self) -> dict[str, Tensor | float]:
        """The means; what comes next begins anew."""
        means = self.means()
        self._begin()
        return means


def guard_counts(completion: Completion) -> dict[str, float]:
    """How often the guards of the prune layers acted in a batch, over all levels."""
    return {
        f"train/{name}": float(sum(getattr(level, name) for level in completion.levels))
        for name in ("num_dropped_by_budget", "num_kept_by_minimum")
    }


def batch_scores(completion: Completion, batch: Batch) -> dict[str, float]:
    """Mean of `LOGGED_SCORES` over the items of a batch, against the truth of its samples."""
    coords = completion.coord_map.coords.cpu()
    counts = torch.bincount(coords[:, 0].long(), minlength=batch.batch_size).tolist()
    totals = dict.fromkeys(LOGGED_SCORES, 0.0)
    for predicted, sample in zip(coords[:, 1:].split(counts), batch.samples, strict=True):
        scores = voxel_scores(
            predicted, sample.complete_coords, sample.partial_coords, sample.frame.resolution
        )
        totals = {name: total + scores[name] for name, total in totals.items()}
    return {name: total / batch.batch_size for name, total in totals.items()}
