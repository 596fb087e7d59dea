"""Each score as a torchmetrics.Metric: one update per item, averaged over items and over categories.

Owns the states (sums, so that they add up over processes); the scores themselves are the functions next door.
"""

from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor
from torchmetrics import Metric

from completion.metrics.point_distance import Points, point_scores
from completion.metrics.voxel_scores import Coords, voxel_scores


class ItemMetric(Metric):
    """Mean of a score per item: `micro` over items, `macro` over the means of the categories that have items.

    Args:
        resolution: voxels per edge of the evaluation box.
        categories: names of all categories that will be met; without names all items are one category.
    """

    full_state_update = False
    score: str
    totals: Tensor
    counts: Tensor

    def __init__(self, resolution: int, categories: Sequence[str] = ("",)) -> None:
        super().__init__()
        name = type(self).__name__
        if not isinstance(resolution, Integral) or resolution < 1:
            raise ValueError(
                f"{name}: resolution must be a whole number of at least 1, got {resolution!r}; "
                "give the voxels per edge"
            )
        if isinstance(categories, str) or not all(isinstance(one, str) for one in categories):
            raise ValueError(
                f"{name}: categories must be a sequence of names, got {categories!r}; put them into a list"
            )
        self.resolution = resolution
        self.categories = tuple(categories)
        zeros = torch.zeros(len(self.categories), dtype=torch.float64)
        self.add_state("totals", zeros, dist_reduce_fx="sum")
        self.add_state("counts", zeros.clone(), dist_reduce_fx="sum")

    def compute(self) -> dict[str, Tensor]:
        """`micro` and `macro` mean, float64 scalars; NaN before the first item."""
        met = self.counts > 0
        micro = self.totals.sum() / self.counts.sum()
        return {"micro": micro, "macro": (self.totals[met] / self.counts[met]).mean()}

    def _add(self, value: float, category: str) -> None:
        """Adds the score of one item of a category."""
        if category not in self.categories:
            raise ValueError(
                f"{type(self).__name__}.update: category must be one of {self.categories}, got {category!r}; "
                "name it when the metric is made"
            )
        row = self.categories.index(category)
        self.totals[row] += value
        self.counts[row] += 1


class VoxelMetric(ItemMetric):
    """A voxel score at one stride; subclasses name it. Definitions: `voxel_scores`.

    Args:
        resolution: voxels per edge of the evaluation box.
        stride: level at which sets are compared, in finest voxels.
        categories: as in `ItemMetric`.
    """

    def __init__(self, resolution: int, stride: int = 1, categories: Sequence[str] = ("",)) -> None:
        super().__init__(resolution, categories)
        self.stride = stride

    def update(self, predicted: Coords, truth: Coords, partial: Coords, category: str = "") -> None:
        """Adds one item: predicted, true and input voxels, integers `[N, 3]` each."""
        scores = voxel_scores(predicted, truth, partial, self.resolution, self.stride)
        self._add(scores[self.score], category)


class IoU(VoxelMetric):
    """|P ∩ T| / |P ∪ T| of predicted voxels P and true voxels T inside the evaluation box."""

    score = "iou"


class Precision(VoxelMetric):
    """|P ∩ T| / |P|; 0 for an empty prediction of a shape that is not empty."""

    score = "precision"


class Recall(VoxelMetric):
    """|P ∩ T| / |T|."""

    score = "recall"


class MissingIoU(VoxelMetric):
    """IoU over the voxels outside the input dilated by one voxel: what was completed."""

    score = "iou_missing"


class ObservedIoU(VoxelMetric):
    """IoU over the voxels of the input dilated by one voxel: what was given."""

    score = "iou_observed"


class PointMetric(ItemMetric):
    """A point score; subclasses name it. Protocol: `point_scores`."""

    def update(self, predicted: Points, truth: Points, category: str = "") -> None:
        """Adds one item: predicted and true points, float `[N, 3]`, grid units."""
        self._add(point_scores(predicted, truth, self.resolution)[self.score], category)


class ChamferL1(PointMetric):
    """½ (mean d + mean d) × 1000 in box edges; 1000·√3 for an empty prediction. Lower is better."""

    score = "cd_l1"


class FScore(PointMetric):
    """2PR / (P + R) at 0.01 box edges, strict <; 0 for an empty prediction."""

    score = "fscore@1%"
