"""Points and triangle meshes → binary PLY files; reads none."""

import os

import numpy as np

from completion.data.arrays import FloatArray, IntArray
from completion.data.files import atomic_path


def save_ply(
    path: str | os.PathLike[str],
    points: FloatArray,
    scalars: dict[str, FloatArray] | None = None,
    faces: IntArray | None = None,
) -> None:
    """Writes a little-endian binary PLY, atomically.

    Positions are stored as double, so that map coordinates (UTM) keep their millimetres.

    Args:
        path: the file.
        points: float64[N, 3], world units.
        scalars: float32[N] each, further properties of the points by name.
        faces: int[F, 3] triangles, or None for points alone.
    """
    scalars = scalars or {}
    rows = np.empty(
        len(points), dtype=[(axis, "<f8") for axis in "xyz"] + [(name, "<f4") for name in scalars]
    )
    for column, axis in enumerate("xyz"):
        rows[axis] = points[:, column]
    for name, values in scalars.items():
        rows[name] = values
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(_header(len(points), list(scalars), None if faces is None else len(faces)))
        file.write(rows.tobytes())
        if faces is not None:
            triangles = np.empty(len(faces), dtype=[("count", "u1"), ("corners", "<i4", 3)])
            triangles["count"] = 3
            triangles["corners"] = faces
            file.write(triangles.tobytes())


def _header(num_points: int, scalars: list[str], num_faces: int | None) -> bytes:
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {num_points}"]
    lines += [f"property double {axis}" for axis in "xyz"]
    lines += [f"property float {name}" for name in scalars]
    if num_faces is not None:
        lines += [f"element face {num_faces}", "property list uchar int vertex_indices"]
    return ("\n".join([*lines, "end_header"]) + "\n").encode()
