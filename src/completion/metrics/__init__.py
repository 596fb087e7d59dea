"""Measures of completion: voxel and point scores, their aggregates, intervals, baselines and floors.

Works on coordinates and points alone; knows neither models nor drawing nor files.
"""

from completion.metrics.aggregate import aggregate, bootstrap_interval
from completion.metrics.baselines import NearestTrainingShape, dilated_input, mirrored_input
from completion.metrics.floor import voxelisation_floor
from completion.metrics.item_metrics import (
    ChamferL1,
    FScore,
    IoU,
    ItemMetric,
    MissingIoU,
    ObservedIoU,
    Precision,
    Recall,
)
from completion.metrics.point_distance import chamfer_l1, fscore, nearest_distances, point_scores
from completion.metrics.voxel_scores import support_recall, voxel_scores

__all__ = [
    "ChamferL1",
    "FScore",
    "IoU",
    "ItemMetric",
    "MissingIoU",
    "NearestTrainingShape",
    "ObservedIoU",
    "Precision",
    "Recall",
    "aggregate",
    "bootstrap_interval",
    "chamfer_l1",
    "dilated_input",
    "fscore",
    "mirrored_input",
    "nearest_distances",
    "point_scores",
    "support_recall",
    "voxel_scores",
    "voxelisation_floor",
]
