"""The frame of one item: world ↔ voxel coordinates, found from the partial scan alone; voxelises nothing."""

from dataclasses import dataclass

import numpy as np

from completion.data.arrays import FloatArray, IntArray, as_points

# Measured at 64³, default camera: on average 98.0 % (280 scans of toy shapes) and 98.2 % (400 scans of real
# meshes) of the truth voxels fall inside, and the whole shape's longest side takes 0.88 of the box's.
# 1.1 gives 97.0 % and 97.1 % at 0.97; 1.4 gives 98.9 % and 99.2 % at 0.76.
DEFAULT_MARGIN = 1.2


@dataclass(frozen=True)
class Frame:
    """A cube of `resolution`³ voxels in the world: grid = (world − origin) / voxel_size.

    Voxel (i, j, k) covers [i, i + 1) × [j, j + 1) × [k, k + 1) in grid units; the box is [0, resolution)³.

    Attributes:
        origin: float64, world units, the corner of voxel (0, 0, 0).
        voxel_size: world units per voxel, > 0.
        resolution: voxels per side, ≥ 1.
    """

    origin: tuple[float, float, float]
    voxel_size: float
    resolution: int

    def __post_init__(self) -> None:
        if not (np.isfinite(self.voxel_size) and self.voxel_size > 0):
            raise ValueError(f"Frame: voxel_size must be positive and finite, got {self.voxel_size}")
        if not np.isfinite(self.origin).all():
            raise ValueError(f"Frame: origin must be finite, got {self.origin}")
        if self.resolution < 1:
            raise ValueError(f"Frame: resolution must be at least 1, got {self.resolution}")

    @classmethod
    def from_partial(cls, points: FloatArray, resolution: int, margin: float = DEFAULT_MARGIN) -> "Frame":
        """Returns the frame that a partial scan alone defines, so that it is the same in training and in use.

        The centre is that of the bounding box without the outermost points (robust against stray points), and
        its longest side times `margin` fills the `resolution` voxels.

        Args:
            points: float64[N, 3], world units; at least two distinct points.
            resolution: voxels per side.
            margin: ≥ 1; room for what the scan did not see.

        Raises:
            ValueError: if there is nothing to measure (no points, or all in one place).
        """
        points = as_points(points, "Frame.from_partial", "points")
        if margin < 1:
            raise ValueError(f"Frame.from_partial: margin must be at least 1, got {margin}")
        if len(points) == 0:
            raise ValueError("Frame.from_partial: points must be at least two distinct points, got none")
        low, high = robust_bounds(points)
        extent = float((high - low).max())
        if extent <= 0:
            raise ValueError(
                f"Frame.from_partial: points must be at least two distinct, got {len(points)} in one place"
            )
        side = extent * margin
        origin = (low + high) / 2 - side / 2
        return cls((float(origin[0]), float(origin[1]), float(origin[2])), side / resolution, resolution)

    def to_grid(self, points: FloatArray) -> FloatArray:
        """Returns float32[N, 3] grid units of world points; subtracts in float64 (offsets are safe).

        What is too far away for float32 becomes infinite, which is outside of every box.
        """
        points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        with np.errstate(over="ignore"):
            return ((points - np.asarray(self.origin)) / self.voxel_size).astype(np.float32)

    def to_world(self, points_grid: FloatArray) -> FloatArray:
        """Returns float64[N, 3] world points of grid points [N, 3]."""
        points_grid = np.asarray(points_grid, dtype=np.float64).reshape(-1, 3)
        return points_grid * self.voxel_size + np.asarray(self.origin)

    def voxel_centres(self, coords: IntArray) -> FloatArray:
        """Returns float64[N, 3] world points at the centres of voxels int[N, 3]."""
        return self.to_world(np.asarray(coords).reshape(-1, 3) + 0.5)


def robust_bounds(points: FloatArray, tail: float = 0.002) -> tuple[FloatArray, FloatArray]:
    """Returns (low, high), float64[3] each: the box of all but the share `tail` at either end per axis.

    Where cutting the tail leaves nothing (few points), the plain bounding box is returned.
    """
    low, high = np.quantile(points, [tail, 1 - tail], axis=0)
    if (high - low).max() <= 0:
        return points.min(axis=0), points.max(axis=0)
    return low, high
