"""Points on the surface of a mesh: random ones, and a regular cover that misses no cell of a given size."""

import numpy as np

from completion.data.arrays import FloatArray
from completion.data.shape import Mesh


def sample_surface(mesh: Mesh, num_points: int, rng: np.random.Generator) -> FloatArray:
    """Returns float64[num_points, 3], uniform over the area.

    Raises:
        ValueError: if the mesh has no area.
    """
    areas = mesh.areas
    total = areas.sum()
    if not total > 0:
        raise ValueError(
            f"sample_surface: mesh must have area, got {len(mesh.faces)} faces of total area {total}"
        )
    chosen = mesh.triangles[rng.choice(len(areas), size=num_points, p=areas / total)]
    # The square root makes the density even over the triangle (Osada et al., Shape distributions, 2002).
    u, v = np.sqrt(rng.random((num_points, 1))), rng.random((num_points, 1))
    return (1 - u) * chosen[:, 0] + u * (1 - v) * chosen[:, 1] + u * v * chosen[:, 2]


def cover_surface(mesh: Mesh, spacing: float) -> FloatArray:
    """Returns float64[N, 3]: points on every face, each for a cell of at most spacing².

    Each triangle is cut into rows parallel to its longest edge, each row into equal cells with a point in the
    middle. A piece of surface without a point is smaller than about two such cells. N ≈ area / spacing².
    """
    base, along, apex = _longest_edge_first(mesh.triangles)
    length = np.linalg.norm(along, axis=1)
    height = 2 * mesh.areas / np.where(length > 0, length, 1.0)
    num_rows = np.maximum(np.ceil(height / spacing).astype(np.int64), 1)
    face, row = _runs(num_rows)
    up = (row + 0.5) / num_rows[face]
    num_cells = np.maximum(np.ceil((1 - up) * length[face] / spacing).astype(np.int64), 1)
    # Along a row only one direction changes, so the rest is worked out once per row.
    step = along[face] * ((1 - up) / num_cells)[:, None]
    start = base[face] + up[:, None] * apex[face] + step / 2
    strip, cell = _runs(num_cells)
    return start[strip] + cell[:, None] * step[strip]


def _longest_edge_first(triangles: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns (corner, edge, other edge), each [F, 3], where `edge` is the longest of the triangle."""
    edges = np.roll(triangles, -1, axis=1) - triangles
    longest = np.linalg.norm(edges, axis=2).argmax(axis=1)
    faces = np.arange(len(triangles))
    base = triangles[faces, longest]
    return base, edges[faces, longest], triangles[faces, (longest + 2) % 3] - base


def _runs(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns (owner, position), int64[Σ counts]: owner i appears counts[i] times with positions 0, 1, …"""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
