"""The eight symmetries of the grid that keep y up (quarter turns about y, mirrors); draws nothing."""

import dataclasses

import numpy as np

from completion.data.sample import Sample

NUM_SYMMETRIES = 8
FAMILIES = {"turns": tuple(range(NUM_SYMMETRIES)), "mirror": (0, 4)}
"""What a data set may draw from: every symmetry, or left and right alone for shapes that face one way."""


def turned(sample: Sample, symmetry: int) -> Sample:
    """Returns `sample` under symmetry 0…7: bits 0–1 quarter turns about y (up), bit 2 mirrors x first.

    Coordinates and points move together. The frame is kept and then speaks of the turned shape; 0 is none.
    """
    if not 0 <= symmetry < NUM_SYMMETRIES:
        raise ValueError(f"turned: symmetry must be in 0…{NUM_SYMMETRIES - 1}, got {symmetry}")
    if symmetry == 0:
        return sample
    # Voxel i covers [i, i + 1): its mirror is resolution − 1 − i, and that of a point p is resolution − p.
    last, side = sample.frame.resolution - 1, float(sample.frame.resolution)
    return dataclasses.replace(
        sample,
        partial_coords=_turned_rows(sample.partial_coords, symmetry, last),
        complete_coords=_turned_rows(sample.complete_coords, symmetry, last),
        partial_points=_turned_rows(sample.partial_points, symmetry, side),
        complete_points=_turned_rows(sample.complete_points, symmetry, side),
    )


def _turned_rows(rows: np.ndarray, symmetry: int, top: float) -> np.ndarray:
    """Returns rows [N, 3] turned within 0…top, in their dtype."""
    x, y, z = rows[:, 0], rows[:, 1], rows[:, 2]
    if symmetry & 4:
        x = top - x
    for _ in range(symmetry & 3):
        x, z = z, top - x
    return np.stack([x, y, z], axis=1).astype(rows.dtype)
