"""Turning up to +y: a rotation, the smallest one, and the documented case of z up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from completion.data.orientation import rotation_to_y_up

numbers = st.floats(-1, 1)


@given(st.tuples(numbers, numbers, numbers).filter(lambda up: np.linalg.norm(up) > 1e-3))
def test_up_becomes_y_by_the_smallest_rotation(up):
    turn = rotation_to_y_up(up)
    unit = np.asarray(up) / np.linalg.norm(up)
    np.testing.assert_allclose(turn @ unit, [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(turn) == pytest.approx(1, abs=1e-6)
    # The angle of a rotation is that of its trace; the smallest one is the angle between up and y.
    assert (np.trace(turn) - 1) / 2 == pytest.approx(unit[1], abs=1e-6)


def test_z_up_and_y_down():
    np.testing.assert_allclose(rotation_to_y_up((0, 0, 5)) @ [1, 2, 3], [1, 3, -2], atol=1e-12)
    np.testing.assert_allclose(rotation_to_y_up((0, -1, 0)) @ [1, 2, 3], [1, -2, -3], atol=1e-12)
    np.testing.assert_array_equal(rotation_to_y_up((0, 1, 0)), np.eye(3))


@pytest.mark.parametrize("up", [(0, 0, 0), (np.nan, 0, 0), (1, 2)])
def test_refuses_what_is_no_direction(up):
    with pytest.raises(ValueError, match="up must be three numbers, not all 0"):
        rotation_to_y_up(up)
