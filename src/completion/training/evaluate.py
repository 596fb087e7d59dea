"""Scores a trained network and the training-free baselines on prepared samples; prints and writes nothing."""

import time
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
    point_scores,
    voxel_scores,
    voxelisation_floor,
)
from completion.models.completion_net import CompletionNet
from completion.training.inference import Prediction, predict

METRICS = ("iou", "precision", "recall", "iou_missing", "iou_observed", "cd_l1", "fscore@1%")
MODEL = "model"
FLOOR = "voxelisation_floor"
Scores = dict[str, float]
Baseline = Callable[[np.ndarray], np.ndarray]
Progress = Callable[[int, int, str], None]


@dataclass
class ItemScores:
    """One evaluated item.

    Attributes:
        name, view, category, group: of the sample.
        seconds: of the network alone.
        failure: the error's words if the network failed; it is then scored as an empty completion.
        methods: scores at stride 1 by method: the model and each baseline.
        levels: voxel scores of the model's kept cells, by stride.
        floor: point scores of the true voxels: what a perfect network would have at this resolution.
    """

    name: str
    view: int
    category: str
    group: str
    seconds: float
    failure: str
    methods: dict[str, Scores]
    levels: dict[int, Scores]
    floor: Scores


@dataclass
class Evaluation:
    """All items of a split; the averages are made when asked for."""

    items: list[ItemScores] = field(default_factory=list)

    @property
    def failures(self) -> list[ItemScores]:
        """The items on which the network failed."""
        return [item for item in self.items if item.failure]

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
    model: CompletionNet,
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
        raise ValueError(f"evaluate: the {dataset.split} split must have items, got none in {dataset.folder}")
    rows = spread(len(dataset), limit)
    evaluation = Evaluation()
    for done, row in enumerate(rows, start=1):
        sample = dataset[row]
        _check_resolution(sample, model)
        evaluation.items.append(score_item(model, sample, baselines))
        if progress is not None:
            progress(done, len(rows), sample.name)
    return evaluation


def score_item(model: CompletionNet, sample: Sample, baselines: Mapping[str, Baseline]) -> ItemScores:
    """Returns the scores of one item; a failure of the network is scored as an empty completion."""
    started = time.perf_counter()
    try:
        prediction, failure = predict(model, sample.partial_coords), ""
    except (RuntimeError, ValueError, MemoryError) as error:
        prediction, failure = empty_prediction(model), f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - started
    completions = {MODEL: prediction.coords} | {
        name: baseline(sample.partial_coords) for name, baseline in baselines.items()
    }
    resolution = sample.frame.resolution
    return ItemScores(
        name=sample.name,
        view=sample.view,
        category=sample.category,
        group=sample.group,
        seconds=seconds,
        failure=failure,
        methods={name: all_scores(coords, sample) for name, coords in completions.items()},
        levels={
            stride: voxel_scores(cells, sample.complete_coords, sample.partial_coords, resolution, stride)
            for stride, cells in prediction.levels.items()
        },
        floor=voxelisation_floor(sample.complete_coords, sample.complete_points, resolution),
    )


def all_scores(coords: np.ndarray, sample: Sample) -> Scores:
    """Returns `METRICS` of completed voxels int32[M, 3]; their centres stand for points."""
    resolution = sample.frame.resolution
    voxels = voxel_scores(coords, sample.complete_coords, sample.partial_coords, resolution)
    points = point_scores(coords + np.float32(0.5), sample.complete_points, resolution)
    scores = voxels | points
    return {name: scores[name] for name in METRICS}


def empty_prediction(model: CompletionNet) -> Prediction:
    """Returns a completion without voxels, at every level of the model."""
    none = np.empty((0, 3), dtype=np.int32)
    strides = [model.stride // 2**level for level in range(len(model.prunes))]
    return Prediction(none, np.empty(0, dtype=np.float32), dict.fromkeys(strides, none))


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
    if limit is None or limit >= total:
        return list(range(total))
    if limit < 1:
        raise ValueError(f"evaluate: limit must be at least 1, got {limit}; leave it out for all items")
    return [round(row) for row in np.linspace(0, total - 1, limit)]


def _check_resolution(sample: Sample, model: CompletionNet) -> None:
    if sample.frame.resolution != model.resolution:
        raise ValueError(
            f"evaluate: samples must have the model's resolution {model.resolution}, got "
            f"{sample.frame.resolution} in {sample.name}; prepare them at that resolution"
        )
