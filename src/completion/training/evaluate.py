"""Scores a trained network and the training-free baselines on prepared samples; prints and writes nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from completion.data.dataset import PreparedDataset
from completion.data.sample import Sample
from completion.metrics import (
    NearestTrainingShape,
    aggregate,
    bootstrap_interval,
    dilated_input,
    mirrored_input,
)
from completion.models.completion_model import CompletionModel
from completion.training.item_scores import Baseline, ItemScores, Scores, score_item

FLOOR = "voxelisation_floor"
Progress = Callable[[int, int, str], None]


@dataclass
class Evaluation:
    """All items of a split; the averages are made when asked for."""

    items: list[ItemScores] = field(default_factory=list)

    @property
    def failures(self) -> list[ItemScores]:
        """The items on which the network failed."""
        return [item for item in self.items if item.failure]

    @property
    def clipped_share(self) -> float:
        """Share of all true voxels that lie outside the box."""
        clipped = sum(item.num_clipped for item in self.items)
        return clipped / max(1, clipped + sum(item.num_truth_voxels for item in self.items))

    def summary(self) -> dict[str, dict[str, dict[str, Any]]]:
        """method → metric → micro, macro, per_category and the bootstrap interval of micro."""
        methods = self.items[0].methods
        table = {name: self._averages([item.methods[name] for item in self.items]) for name in methods}
        return table | {FLOOR: self._averages([item.floor for item in self.items])}

    def level_summary(self) -> dict[int, Scores]:
        """stride → metric → mean over the items, for the model."""
        means = {}
        for stride in self.items[0].levels:
            rows = [item.levels[stride] for item in self.items]
            means[stride] = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        return means

    def _averages(self, rows: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Any]]:
        categories = [item.category for item in self.items]
        groups = [item.group for item in self.items]
        averages = {}
        for name in rows[0]:
            values = [row[name] for row in rows]
            mean = aggregate(values, categories)
            averages[name] = {
                "micro": mean.micro,
                "macro": mean.macro,
                "interval_95": bootstrap_interval(values, groups),
                "per_category": dict(mean.per_category),
            }
        return averages


def evaluate(
    model: CompletionModel,
    dataset: PreparedDataset,
    baselines: Mapping[str, Baseline],
    limit: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Returns the scores of every item, free-running, one item at a time.

    Args:
        model: in evaluation mode.
        dataset: the split.
        baselines: name → function from the input's voxels int32[N, 3] to completed voxels int32[M, 3].
        limit: take this many items, evenly spread over the split; all by default.
        progress: called with (done, total, item name).

    Raises:
        ValueError: the split is empty, or its resolution is not the model's.
    """
    if len(dataset) == 0:
        raise ValueError(
            f"evaluate: the {dataset.split} split must have items, got none in {dataset.folder}; "
            "give it more shapes, or all of a folder: data.source.split_fractions=[0,0,1]"
        )
    rows = spread(len(dataset), limit)
    evaluation = Evaluation()
    for done, row in enumerate(rows, start=1):
        sample = dataset[row]
        _check_resolution(sample, model)
        evaluation.items.append(score_item(model, sample, baselines))
        if progress is not None:
            progress(done, len(rows), sample.name)
    return evaluation


def make_baselines(train: PreparedDataset | None, resolution: int) -> dict[str, Baseline]:
    """Returns the training-free completions by name; the nearest training shape only where there is one.

    Args:
        train: the run's training split, unaugmented, or None.
        resolution: voxels per edge of the box.
    """
    baselines: dict[str, Baseline] = {
        "dilated_input": lambda partial: dilated_input(partial, resolution),
        "mirrored_input_x": lambda partial: mirrored_input(partial, resolution, axis=0),
        "mirrored_input_z": lambda partial: mirrored_input(partial, resolution, axis=2),
    }
    if train is not None and len(train):
        partials = [train[row].partial_coords for row in range(len(train))]
        nearest = NearestTrainingShape(partials, lambda row: train[row].complete_coords, resolution)
        baselines["nearest_training_shape"] = nearest.complete
    return baselines


def spread(total: int, limit: int | None) -> list[int]:
    """Returns `limit` rows evenly spread over `total`, or all."""
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int)):
        raise ValueError(f"evaluate: limit must be a whole number or null, got {limit}")
    if limit is not None and limit < 1:
        raise ValueError(f"evaluate: limit must be at least 1, got {limit}; leave it out for all items")
    if limit is None or limit >= total:
        return list(range(total))
    return [round(row) for row in np.linspace(0, total - 1, limit)]


def _check_resolution(sample: Sample, model: CompletionModel) -> None:
    if sample.frame.resolution != model.resolution:
        raise ValueError(
            f"evaluate: samples must have the model's resolution {model.resolution}, got "
            f"{sample.frame.resolution} in {sample.name}; prepare them at that resolution"
        )
