"""Where the camera stands so that voxels fill a square picture without being cut; geometry only."""

from dataclasses import dataclass

import numpy as np

FIELD_OF_VIEW = 24.0
FILL = 0.92
"""Share of the picture's edge that the voxels fill."""


@dataclass(frozen=True)
class Camera:
    """Perspective camera with y up.

    Attributes:
        eye, centre: float `[3]`, grid units; where it stands and what it looks at.
        distance: from the eye to the centre, grid units.
    """

    eye: np.ndarray
    centre: np.ndarray
    distance: float


def fitted_camera(
    points: np.ndarray,
    azimuth: float,
    elevation: float,
    field_of_view: float = FIELD_OF_VIEW,
    aspect: float = 1.0,
) -> Camera:
    """Nearest camera in a direction that sees all points, centred on what it sees.

    Args:
        points: float `[N, 3]`, N ≥ 1, grid units.
        azimuth, elevation: direction from the points to the camera in degrees.
        field_of_view: between bottom and top of the picture, degrees.
        aspect: width of the picture / height.
    """
    turn, rise = np.radians(azimuth), np.radians(elevation)
    back = np.array([np.sin(turn) * np.cos(rise), np.sin(rise), np.cos(turn) * np.cos(rise)])
    right = np.array([np.cos(turn), 0.0, -np.sin(turn)])
    axes = np.stack([right, np.cross(back, right), back])
    seen = points @ axes.T
    slope = np.tan(np.radians(field_of_view / 2)) * FILL * np.array([aspect, 1.0])
    centre = 0.5 * (seen.min(0) + seen.max(0))
    distance = 1.0
    # Near points spread more than far ones, so the middle of the picture depends on the distance and back.
    for _ in range(5):
        offset = seen - centre
        distance = float(((np.abs(offset[:, :2]) / slope).max(1) + offset[:, 2]).max())
        spread = offset[:, :2] / (distance - offset[:, 2:])
        centre[:2] += 0.5 * (spread.min(0) + spread.max(0)) * distance
    offset = seen - centre
    distance = float(((np.abs(offset[:, :2]) / slope).max(1) + offset[:, 2]).max())
    middle = centre @ axes
    return Camera(middle + distance * back, middle, distance)


def box_corners(coords: np.ndarray) -> np.ndarray:
    """Corners float `[8 N, 3]` of voxels int `[N, 3]`."""
    corners = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
    return (np.asarray(coords)[:, None] + corners).reshape(-1, 3).astype(np.float64)
