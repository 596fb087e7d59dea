"""The colours of all pictures and what they mean; draws nothing."""

import numpy as np

INPUT = (0.30, 0.53, 0.84)
SHAPE = (0.72, 0.74, 0.78)
MISSING = (0.80, 0.16, 0.16)
WRONG = (0.96, 0.62, 0.14)

Colour = tuple[float, float, float]


def paint(num_voxels: int, base: Colour, *layers: tuple[np.ndarray, Colour]) -> np.ndarray:
    """Colours float32 `[N, 3]`: `base`, then each layer's colour where its mask bool `[N]` is true."""
    colours = np.tile(np.array(base, dtype=np.float32), (num_voxels, 1))
    for mask, colour in layers:
        colours[mask] = colour
    return colours
