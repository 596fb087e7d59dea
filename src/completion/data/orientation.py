"""The turn that brings a given up direction to +y, which is how shapes are learnt; estimates nothing."""

import numpy as np

from completion.data.arrays import FloatArray, Vector

Y_UP = (0.0, 1.0, 0.0)


def rotation_to_y_up(up: Vector) -> FloatArray:
    """Returns float64[3, 3] R with R @ up = +y: the smallest turn that does it, so the heading changes least.

    For z up it is (x, y, z) → (x, z, −y). Points as rows turn by `points @ R.T`, and back by `points @ R`.

    Args:
        up: the up direction in the data's own frame, any length above 0. A user knows it from the floor or
            the table, or from how the sensor was held: a level camera with y down has up = (0, −1, 0).
    """
    vector = np.asarray(up, dtype=np.float64)
    length = float(np.linalg.norm(vector)) if vector.shape == (3,) else 0.0
    if not (np.isfinite(length) and length > 0):
        raise ValueError(
            f"rotation_to_y_up: up must be three numbers, not all 0, got {np.ravel(vector).tolist()}"
        )
    x, y, z = vector / length
    if y < -1 + 1e-9:
        return np.diag([1.0, -1.0, -1.0])  # upside down: half a turn about x
    # Rodrigues' formula for the axis up × y, with 1 / (1 + cos) in front of the squared term.
    cross = np.array([[0.0, -x, 0.0], [x, 0.0, z], [0.0, -z, 0.0]])
    return np.eye(3) + cross + cross @ cross / (1 + y)
