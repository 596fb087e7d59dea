"""KITTI velodyne scans (.bin): float32 rows of x, y, z, reflectance, without any header."""

from pathlib import Path

import numpy as np

from completion.data.readers.faults import fault
from completion.data.shape import Points


def read_kitti(path: Path) -> Points:
    """Returns the points; metres, x forward, y left, z up."""
    size = path.stat().st_size
    if size % 16:
        raise fault(path, "its whole length", "rows of 16 bytes (four float32)", f"{size} bytes")
    return Points(np.fromfile(path, dtype="<f4").reshape(-1, 4)[:, :3].astype(np.float64))
