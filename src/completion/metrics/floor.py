"""What a perfect network would score at a resolution: the part of the point scores that voxels alone cost."""

import numpy as np

from completion.metrics.point_distance import point_scores


def voxelisation_floor(
    complete_coords: np.ndarray, complete_points: np.ndarray, resolution: int
) -> dict[str, float]:
    """`cd_l1` and `fscore@1%` of the true voxels' centres against the true points.

    Includes what the box cuts off: points outside it count in the truth and no voxel can stand for them.

    Args:
        complete_coords: true voxels, integers `[M, 3]`.
        complete_points: true points, float `[Q, 3]`, grid units.
        resolution: voxels per edge of the box.
    """
    return point_scores(np.asarray(complete_coords) + 0.5, complete_points, resolution)
