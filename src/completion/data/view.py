"""Where a depth camera stands and which way its pixels look; casts no rays."""

from dataclasses import dataclass

import numpy as np

from completion.data.arrays import FloatArray


@dataclass(frozen=True)
class View:
    """Where a scan was taken from.

    Attributes:
        position: float64[3], the camera's centre in the world.
        rotation: float64[3, 3], columns are the camera's right, down and forward axes in the world.
        field_of_view: degrees, across the square image.
        resolution: pixels per side.
    """

    position: FloatArray
    rotation: FloatArray
    field_of_view: float
    resolution: int


def look_at(position: FloatArray, field_of_view: float, resolution: int) -> View:
    """Returns the view from `position` towards the origin with y up in the image."""
    forward = -position / np.linalg.norm(position)
    helper = np.array([0.0, 1.0, 0.0]) if abs(forward[1]) < 0.999 else np.array([0.0, 0.0, 1.0])
    right = np.cross(forward, helper)
    right /= np.linalg.norm(right)
    return View(
        position, np.stack([right, np.cross(forward, right), forward], axis=1), field_of_view, resolution
    )


def pixel_directions(view: View) -> FloatArray:
    """Returns float64[R, R, 3]: the ray of each pixel in the world, of length 1 along the optical axis."""
    half = np.tan(np.radians(view.field_of_view / 2))
    steps = ((np.arange(view.resolution) + 0.5) / view.resolution * 2 - 1) * half
    across, down = np.meshgrid(steps, steps)
    return np.stack([across, down, np.ones_like(across)], axis=-1) @ view.rotation.T
