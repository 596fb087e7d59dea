"""Rigid placements of meshes and points; finds none."""

from typing import overload

import numpy as np

from completion.data.arrays import FloatArray
from completion.data.shape import Mesh, Points


@overload
def transformed(shape: Mesh, rotation: FloatArray, translation: FloatArray | None = None) -> Mesh: ...
@overload
def transformed(shape: Points, rotation: FloatArray, translation: FloatArray | None = None) -> Points: ...
def transformed(
    shape: Mesh | Points, rotation: FloatArray, translation: FloatArray | None = None
) -> Mesh | Points:
    """Returns the shape with every point p at rotation @ p + translation.

    Args:
        rotation: float64[3, 3].
        translation: float64[3], world units; none is zero.
    """
    shift = np.zeros(3) if translation is None else np.asarray(translation, dtype=np.float64)
    if isinstance(shape, Mesh):
        return Mesh(shape.vertices @ rotation.T + shift, shape.faces, shape.note)
    normals = None if shape.normals is None else shape.normals @ rotation.T
    return Points(shape.points @ rotation.T + shift, normals, shape.note)
