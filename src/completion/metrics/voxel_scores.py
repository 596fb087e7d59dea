"""Voxel scores of one item: overlap of predicted and true voxels, whole, missing and observed.

Owns the definitions; averaging over items is in aggregate.py and item_metrics.py.
"""

import numpy as np
from torch import Tensor

from completion.metrics.voxel_keys import contains, dilated_keys, key_coords, level_edge, voxel_keys

VOXEL_SCORES = ("iou", "precision", "recall", "iou_missing", "iou_observed")
Coords = Tensor | np.ndarray


def voxel_scores(
    predicted: Coords, truth: Coords, partial: Coords, resolution: int, stride: int = 1
) -> dict[str, float]:
    """Overlap scores of one item over the occupied voxels inside the evaluation box `[0, resolution)³`.

    With P the predicted and T the true voxels at the given stride and D the input's voxels dilated by one
    voxel (3×3×3, clipped to the box):

    - `iou` = |P ∩ T| / |P ∪ T|, `precision` = |P ∩ T| / |P|, `recall` = |P ∩ T| / |T|,
    - `iou_missing` = the IoU of P ∖ D and T ∖ D: what was completed, not what was given,
    - `iou_observed` = the IoU of P ∩ D and T ∩ D.

    A ratio 0/0 is 1 where prediction and truth are both empty (they agree) and 0 otherwise, so an empty
    prediction scores 0 wherever there is truth; it is never dropped.

    Args:
        predicted: completed voxels, integers `[N, 3]`, grid units.
        truth: voxels of the whole shape, integers `[M, 3]`.
        partial: voxels of the input, integers `[P, 3]`.
        resolution: voxels per edge of the box.
        stride: level in finest voxels; all three sets are first reduced to it.

    Returns:
        The five scores by name, each in [0, 1].
    """
    found, true, given = (voxel_keys(c, resolution, stride) for c in (predicted, truth, partial))
    near = dilated_keys(given, level_edge(resolution, stride))
    found_near, true_near = contains(near, found), contains(near, true)
    hits = contains(true, found).sum().item()
    return {
        "iou": iou(found, true),
        "precision": ratio(hits, len(found), both_empty=len(found) == len(true) == 0),
        "recall": ratio(hits, len(true), both_empty=len(found) == len(true) == 0),
        "iou_missing": iou(found[~found_near], true[~true_near]),
        "iou_observed": iou(found[found_near], true[true_near]),
    }


def iou(found: Tensor, true: Tensor) -> float:
    """Intersection over union of two sets of sorted keys; 1 if both are empty."""
    hits = contains(true, found).sum().item()
    union = len(found) + len(true) - hits
    return ratio(hits, union, both_empty=union == 0)


def ratio(part: float, whole: float, both_empty: bool) -> float:
    """part / whole; for whole = 0: 1 where prediction and truth are both empty, else 0."""
    return part / whole if whole else float(both_empty)


def support_recall(support: Coords, stride: int, truth: Coords, resolution: int) -> float:
    """Share of the true finest voxels that lie in the cells of a coarse set.

    Args:
        support: coarse voxels in finest coordinates (multiples of `stride`), integers `[N, 3]`.
        stride: edge of a coarse voxel in finest voxels.
        truth: finest voxels of the whole shape, integers `[M, 3]`.
        resolution: voxels per edge of the box.
    """
    coarse = voxel_keys(support, resolution, stride)
    true = key_coords(voxel_keys(truth, resolution), resolution)
    edge = level_edge(resolution, stride)
    x, y, z = (true // stride).unbind(1)
    reached = contains(coarse, (x * edge + y) * edge + z).sum().item()
    return ratio(reached, len(true), both_empty=True)
