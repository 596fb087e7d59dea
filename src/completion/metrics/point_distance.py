"""Point scores of one item: Chamfer distance and F-score.

Owns the protocol (frame, scale, empty clouds); neighbours are found in nearest.py.
"""

import math

import numpy as np
import torch
from torch import Tensor

from completion.metrics.nearest import nearest_distances

POINT_SCORES = ("cd_l1", "fscore@1%")
WORST_DISTANCE = math.sqrt(3.0)
"""Scored where one cloud is empty: the diagonal of the box, which no prediction inside it exceeds."""

Points = Tensor | np.ndarray


def point_scores(predicted: Points, truth: Points, resolution: int) -> dict[str, float]:
    """`cd_l1` and `fscore@1%` of one item, from one search of neighbours.

    Protocol: both clouds are given in grid units and divided by `resolution`, so that the edge of the
    evaluation box is 1. Predicted points are the centres of the predicted voxels (index + ½) or a model's own
    points; the true ones are all sampled surface points of the whole shape, also those outside the box.

    Args:
        predicted: points `[N, 3]`, grid units.
        truth: points `[M, 3]`, grid units.
        resolution: voxels per edge of the box.
    """
    to_truth, to_predicted = nearest_distances(_unit(predicted, resolution), _unit(truth, resolution))
    return {"cd_l1": chamfer_l1(to_truth, to_predicted), "fscore@1%": fscore(to_truth, to_predicted)}


def chamfer_l1(to_truth: Tensor, to_predicted: Tensor) -> float:
    """½ (mean distance predicted → truth + mean distance truth → predicted) × 1000.

    Distances (not squared), in box edges: the L1 Chamfer distance of PCN (Yuan et al. 2018) in this frame.
    An empty prediction scores the box diagonal, 1000·√3 ≈ 1732, as does an empty truth.

    Args:
        to_truth: float `[N]`, distance of each predicted point to the truth.
        to_predicted: float `[M]`, distance of each true point to the prediction.
    """
    if len(to_truth) == 0 or len(to_predicted) == 0:
        return 1000.0 * WORST_DISTANCE
    return 500.0 * (to_truth.double().mean() + to_predicted.double().mean()).item()


def fscore(to_truth: Tensor, to_predicted: Tensor, threshold: float = 0.01) -> float:
    """2PR / (P + R) with P and R the shares of distances strictly below the threshold (in box edges).

    0 where P + R = 0, so also for an empty prediction. Source: Tatarchenko et al. 2019.
    """
    if len(to_truth) == 0 or len(to_predicted) == 0:
        return 0.0
    precision = (to_truth < threshold).double().mean().item()
    recall = (to_predicted < threshold).double().mean().item()
    total = precision + recall
    return 2.0 * precision * recall / total if total else 0.0


def _unit(points: Points, resolution: int) -> Tensor:
    """Points float64 `[N, 3]` in box edges from points in grid units."""
    points = torch.as_tensor(np.ascontiguousarray(points) if isinstance(points, np.ndarray) else points)
    points = points.cpu().double()
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(
            f"point_scores: points must be [N, 3], got {list(points.shape)}; drop the batch column"
        )
    return points / resolution
