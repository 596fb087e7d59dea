"""Array types of the data floor and the check that something is a list of points; owns no geometry."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.integer]
Vector = Sequence[float] | FloatArray


def as_points(points: FloatArray, function: str, argument: str) -> FloatArray:
    """Returns `points` as float64[N, 3]; raises ValueError if it is anything else or not finite."""
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"{function}: {argument} must be of shape [N, 3], got {list(array.shape)}")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array).all(axis=1)).sum())
        raise ValueError(
            f"{function}: {argument} must be finite, got {bad} rows with NaN or infinity; "
            "drop them (completion.data.readers does)"
        )
    return array
