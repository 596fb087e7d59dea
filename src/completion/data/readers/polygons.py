"""Polygons of any number of corners → triangles; reads no files."""

import numpy as np

from completion.data.arrays import IntArray


def fan(counts: IntArray, corners: IntArray) -> IntArray:
    """Returns int64[T, 3]: each polygon as a fan about its first corner; below three corners, nothing.

    Args:
        counts: int[F], corners per polygon.
        corners: int[Σ counts], vertex numbers, polygon after polygon.
    """
    counts = np.asarray(counts, dtype=np.int64)
    corners = np.asarray(corners, dtype=np.int64)
    starts = np.cumsum(counts) - counts
    num_triangles = np.maximum(counts - 2, 0)
    polygon = np.repeat(np.arange(len(counts)), num_triangles)
    step = np.arange(len(polygon)) - np.repeat(np.cumsum(num_triangles) - num_triangles, num_triangles)
    first = starts[polygon]
    return np.stack([corners[first], corners[first + step + 1], corners[first + step + 2]], axis=1)
