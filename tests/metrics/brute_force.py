"""The scores again from their definitions, with Python sets and double loops; shares no code with them."""

import math

import numpy as np

Voxel = tuple[int, int, int]


def voxel_set(coords: np.ndarray, resolution: int, stride: int = 1) -> set[Voxel]:
    """Coarse voxels that hold a voxel inside the box."""
    voxels = (tuple(int(value) for value in row) for row in coords)
    inside = (voxel for voxel in voxels if all(0 <= value < resolution for value in voxel))
    return {tuple(value // stride for value in voxel) for voxel in inside}


def dilated(voxels: set[Voxel], edge: int) -> set[Voxel]:
    """Voxels of the grid with edge `edge` whose offset from some voxel is at most one in every axis."""
    steps = [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]
    moved = {tuple(v + s for v, s in zip(voxel, step, strict=True)) for voxel in voxels for step in steps}
    return {voxel for voxel in moved if all(0 <= value < edge for value in voxel)}


def divided(part: int, whole: int, agree: bool) -> float:
    """part / whole, and for 0/0: 1 where both sets are empty, else 0."""
    return part / whole if whole else float(agree)


def set_iou(found: set, true: set) -> float:
    """Intersection over union."""
    return divided(len(found & true), len(found | true), not found and not true)


def voxel_scores(
    found: np.ndarray, truth: np.ndarray, partial: np.ndarray, resolution: int, stride: int
) -> dict:
    """The five voxel scores."""
    f, t, p = (voxel_set(coords, resolution, stride) for coords in (found, truth, partial))
    near = dilated(p, math.ceil(resolution / stride))
    agree = not f and not t
    return {
        "iou": set_iou(f, t),
        "precision": divided(len(f & t), len(f), agree),
        "recall": divided(len(f & t), len(t), agree),
        "iou_missing": set_iou(f - near, t - near),
        "iou_observed": set_iou(f & near, t & near),
    }


def nearest(first: np.ndarray, second: np.ndarray) -> list[float]:
    """Distance of each point of the first cloud to the nearest of the second."""
    return [min(math.dist(a, b) for b in second) for a in first]


def chamfer_l1(first: np.ndarray, second: np.ndarray) -> float:
    """½ (mean + mean) × 1000 of the distances."""
    there, back = nearest(first, second), nearest(second, first)
    return 1000 * (sum(there) / len(there) + sum(back) / len(back)) / 2


def fscore(first: np.ndarray, second: np.ndarray, threshold: float) -> float:
    """Harmonic mean of the shares of distances strictly below the threshold."""
    precision, recall = (
        sum(d < threshold for d in distances) / len(distances)
        for distances in (nearest(first, second), nearest(second, first))
    )
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
