"""Voxels as one mesh of cubes with shading baked into the vertex colours: pure numpy, draws nothing."""

from dataclasses import dataclass

import numpy as np

# Light from above and front: brightness of the faces towards +x −x +y −y +z −z (y is up).
FACE_LIGHT = np.array([0.74, 0.70, 1.0, 0.55, 0.87, 0.64])
CORNER_LIGHT = np.array([1.0, 0.84, 0.70, 0.58])
"""Brightness of a face's corner by the number of the three voxels around it that rise above the face."""
EDGE_LIGHT = 0.80
BEVEL = 0.14
"""Width of the darker rim of each face in voxels: it tells neighbouring voxels of one colour apart."""


@dataclass(frozen=True)
class CubeMesh:
    """Triangles of cubes.

    Attributes:
        vertices: float32 `[V, 3]`, grid units.
        triangles: int32 `[T, 3]`, rows of vertices, counter-clockwise from outside.
        colours: float32 `[V, 3]` in [0, 1], shading included.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    colours: np.ndarray


def cube_mesh(coords: np.ndarray, colours: np.ndarray, eye: np.ndarray | None = None) -> CubeMesh:
    """Mesh of the faces of voxels that are not covered by a neighbour.

    Args:
        coords: voxels, integers `[N, 3]`, unique.
        colours: colour of each voxel, float `[N, 3]` in [0, 1].
        eye: float `[3]`, grid units; faces that turn their back to it are left out.
    """
    coords = np.asarray(coords, dtype=np.int64).reshape(-1, 3)
    colours = np.asarray(colours, dtype=np.float32).reshape(-1, 3)
    occupied = _padded_grid(coords)
    cells = coords - coords.min(0, initial=1 << 40) + 1 if len(coords) else coords
    directions = [(axis, sign) for axis in range(3) for sign in (1, -1)]
    turned_away = [_turned_away(coords, axis, sign, eye) for axis, sign in directions]
    faces = [
        _faces(occupied, cells, axis, sign, away)
        for (axis, sign), away in zip(directions, turned_away, strict=True)
    ]
    vertices = np.concatenate([_face_vertices(coords[rows], axis, sign) for rows, axis, sign, _ in faces])
    shades = np.concatenate([shade for *_, shade in faces])
    base = np.concatenate([colours[rows] for rows, *_ in faces])
    return CubeMesh(
        vertices.reshape(-1, 3).astype(np.float32),
        _face_triangles(len(base)),
        (base[:, None] * shades[..., None]).reshape(-1, 3).astype(np.float32),
    )


def _padded_grid(coords: np.ndarray) -> np.ndarray:
    """bool grid of the bounding box of the voxels with one empty voxel around it."""
    if len(coords) == 0:
        return np.zeros((2, 2, 2), dtype=bool)
    low = coords.min(0)
    grid = np.zeros(coords.max(0) - low + 3, dtype=bool)
    grid[tuple((coords - low + 1).T)] = True
    return grid


def _corners(axis: int, sign: int) -> np.ndarray:
    """Offsets ±1 `[4, 2]` of a face's corners in its two axes, counter-clockwise from outside."""
    ring = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return ring if sign > 0 else ring[::-1]


def _turned_away(coords: np.ndarray, axis: int, sign: int, eye: np.ndarray | None) -> np.ndarray:
    """bool `[N]`: which voxels' faces in one direction cannot be seen from the eye."""
    if eye is None:
        return np.zeros(len(coords), dtype=bool)
    plane = coords[:, axis] + (sign > 0)
    return sign * (eye[axis] - plane) <= 0


def _faces(occupied: np.ndarray, cells: np.ndarray, axis: int, sign: int, away: np.ndarray) -> tuple:
    """Rows of the voxels whose face in one direction is free; brightness `[F, 8]` of the face's vertices."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    front = cells.copy()
    front[:, axis] += sign
    rows = np.flatnonzero(~occupied[tuple(front.T)] & ~away)
    front = front[rows]
    risen = np.zeros((len(rows), 4), dtype=np.int64)
    for corner, (u, v) in enumerate(_corners(axis, sign)):
        for step_u, step_v in ((u, 0), (0, v), (u, v)):
            beside = front.copy()
            beside[:, first] += step_u
            beside[:, second] += step_v
            risen[:, corner] += occupied[tuple(beside.T)]
    corner_light = CORNER_LIGHT[risen]
    inner = 0.5 * corner_light + 0.5 * corner_light.mean(1, keepdims=True)
    light = FACE_LIGHT[2 * axis + (sign < 0)]
    return rows, axis, sign, light * np.concatenate([EDGE_LIGHT * corner_light, inner], axis=1)


def _face_vertices(coords: np.ndarray, axis: int, sign: int) -> np.ndarray:
    """Eight vertices `[F, 8, 3]` per face: its corners, then the corners of the part inside the rim."""
    ring = _corners(axis, sign) * 0.5
    offset = np.full((8, 3), 0.5)
    offset[:, axis] = 1.0 if sign > 0 else 0.0
    offset[:4, [(axis + 1) % 3, (axis + 2) % 3]] += ring
    offset[4:, [(axis + 1) % 3, (axis + 2) % 3]] += ring * (1 - 2 * BEVEL)
    return coords[:, None] + offset


def _face_triangles(num_faces: int) -> np.ndarray:
    """Ten triangles `[10 F, 3]` per face: two inside, two for each side of the rim."""
    rim = [[[k, (k + 1) % 4, (k + 1) % 4 + 4], [k, (k + 1) % 4 + 4, k + 4]] for k in range(4)]
    one = np.array([[4, 5, 6], [4, 6, 7], *[triangle for side in rim for triangle in side]])
    return (8 * np.arange(num_faces)[:, None, None] + one).reshape(-1, 3).astype(np.int32)
