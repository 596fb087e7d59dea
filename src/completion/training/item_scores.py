"""Every score of one prepared sample, of the network and of the baselines; averages nothing."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from completion.data.sample import Sample
from completion.metrics import point_scores, support_recall, voxel_scores, voxelisation_floor
from completion.models.completion_model import CompletionModel
from completion.training.inference import Prediction, predict

METRICS = ("iou", "precision", "recall", "iou_missing", "iou_observed", "cd_l1", "fscore@1%")
MODEL = "model"
Scores = dict[str, float]
Baseline = Callable[[np.ndarray], np.ndarray]


@dataclass
class ItemScores:
    """One evaluated item.

    Attributes:
        name, view, category, group: of the sample.
        seconds: of the network alone.
        failure: the error's words if the network failed; it is then scored as an empty completion.
        methods: scores at stride 1 by method: the model and each baseline.
        levels: voxel scores of the model's kept cells by stride, and the share of true voxels that lie in
            them, which finer levels reach beside what the encoder adds.
        floor: point scores of the true voxels: what a perfect network would have at this resolution.
        num_truth_voxels: true voxels inside the box.
        num_clipped: true voxels outside it: no voxel score sees them, the point scores do.
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
    num_truth_voxels: int
    num_clipped: int


def score_item(model: CompletionModel, sample: Sample, baselines: Mapping[str, Baseline]) -> ItemScores:
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
        levels={stride: level_scores(cells, stride, sample) for stride, cells in prediction.levels.items()},
        floor=voxelisation_floor(sample.complete_coords, sample.complete_points, resolution),
        num_truth_voxels=len(sample.complete_coords),
        num_clipped=int(sample.num_clipped),
    )


def all_scores(coords: np.ndarray, sample: Sample) -> Scores:
    """Returns `METRICS` of completed voxels int32[M, 3]; their centres stand for points."""
    resolution = sample.frame.resolution
    voxels = voxel_scores(coords, sample.complete_coords, sample.partial_coords, resolution)
    points = point_scores(coords + np.float32(0.5), sample.complete_points, resolution)
    scores = voxels | points
    return {name: scores[name] for name in METRICS}


def level_scores(cells: np.ndarray, stride: int, sample: Sample) -> Scores:
    """Returns the voxel scores of the cells int32[K, 3] kept at a stride, and their `support_recall`."""
    resolution = sample.frame.resolution
    scores = voxel_scores(cells, sample.complete_coords, sample.partial_coords, resolution, stride)
    return scores | {"support_recall": support_recall(cells, stride, sample.complete_coords, resolution)}


def empty_prediction(model: CompletionModel) -> Prediction:
    """Returns a completion without voxels, at every level of the model."""
    none = np.empty((0, 3), dtype=np.int32)
    strides = [model.stride // 2**level for level in range(len(model.prunes))]
    return Prediction(none, np.empty(0, dtype=np.float32), dict.fromkeys(strides, none))
