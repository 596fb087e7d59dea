"""A soft shadow on the floor beneath voxels, as a mesh with vertex colours: pure numpy, draws nothing."""

import numpy as np

from completion.viz.cubes import CubeMesh

DARKNESS = 0.30
SOFTNESS = 0.05
"""Radius of each of the two blurs as a share of the floor's longer edge, so alike at every resolution."""
FADE_HEIGHT = 0.2
"""Height above the floor at which a voxel's shadow is weaker by 1/e, as a share of the same edge."""


def floor_shadow(coords: np.ndarray, low: np.ndarray, high: np.ndarray) -> CubeMesh:
    """White floor at the height `low[1]`, darker under voxels the nearer they are to it.

    Args:
        coords: voxels int `[N, 3]`; y is up.
        low, high: lowest and highest (exclusive) corner int `[3]` of all that shares the floor.
    """
    edge = int((high - low)[[0, 2]].max())
    radius = max(1, round(SOFTNESS * edge))
    # The shadow fades out before the floor ends, so that its edge cannot be seen.
    reach = 2 * radius + 2
    shade = np.zeros((high - low + 2 * reach)[[0, 2]])
    height = (coords[:, 1] - low[1]) / edge
    cells = (coords[:, [0, 2]] - low[[0, 2]] + reach).T
    np.maximum.at(shade, tuple(cells), np.exp(-height / FADE_HEIGHT))
    box = np.full(2 * radius + 1, 1 / (2 * radius + 1))
    for axis in (0, 1):
        shade = np.apply_along_axis(lambda line: _smooth(line, box), axis, shade)
    colours = np.repeat(1 - DARKNESS * shade.reshape(-1, 1), 3, axis=1)
    return CubeMesh(_vertices(shade.shape, low, reach), _triangles(*shade.shape), colours.astype(np.float32))


def _smooth(line: np.ndarray, box: np.ndarray) -> np.ndarray:
    """A line of values blurred by the same box filter twice."""
    return np.convolve(np.convolve(line, box, mode="same"), box, mode="same")


def _vertices(size: tuple[int, ...], low: np.ndarray, reach: int) -> np.ndarray:
    """Centres of the floor's cells, float32 `[X Z, 3]`, just beneath the lowest voxels."""
    x, z = np.meshgrid(np.arange(size[0]), np.arange(size[1]), indexing="ij")
    beneath = np.full(x.size, low[1] - 0.02)
    return np.stack(
        [x.ravel() + low[0] - reach + 0.5, beneath, z.ravel() + low[2] - reach + 0.5], axis=1
    ).astype(np.float32)


def _triangles(size_x: int, size_z: int) -> np.ndarray:
    """Two triangles int32 per square of neighbouring cells, facing up."""
    corner = (np.arange(size_x - 1)[:, None] * size_z + np.arange(size_z - 1)).ravel()
    first = np.stack([corner, corner + 1, corner + size_z + 1], axis=1)
    second = np.stack([corner, corner + size_z + 1, corner + size_z], axis=1)
    return np.concatenate([first, second]).astype(np.int32)
