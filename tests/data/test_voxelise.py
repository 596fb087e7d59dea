"""Voxelisation against plain Python, on the bounds, and for what is outside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from completion.data.voxelise import voxelise


@given(
    arrays(np.float32, st.tuples(st.integers(0, 40), st.just(3)), elements=st.floats(-3, 11, width=32)),
    st.integers(1, 9),
)
def test_agrees_with_a_set_of_tuples(points, resolution):
    cells = {tuple(int(np.floor(value)) for value in point) for point in points}
    inside = {cell for cell in cells if all(0 <= value < resolution for value in cell)}
    coords, num_outside = voxelise(points, resolution)
    assert [tuple(row) for row in coords.tolist()] == sorted(inside)
    assert num_outside == len(cells - inside)
    assert coords.dtype == np.int32


def test_a_point_on_the_upper_bound_is_outside_and_on_the_lower_inside():
    top = np.nextafter(np.float32(4), np.float32(0))
    coords, num_outside = voxelise(np.array([[0, 0, 0], [4, 0, 0], [top, top, top]], dtype=np.float32), 4)
    assert coords.tolist() == [[0, 0, 0], [3, 3, 3]]
    assert num_outside == 1


def test_duplicates_and_large_coordinates():
    coords, num_outside = voxelise(np.array([[1.2, 1, 1], [1.9, 1, 1], [1e30, 0, 0], [-1e30, 0, 0]]), 4)
    assert coords.tolist() == [[1, 1, 1]]
    assert num_outside == 2


def test_nan_is_outside():
    coords, num_outside = voxelise(np.array([[np.nan, 1, 1], [1, 1, 1]]), 4)
    assert coords.tolist() == [[1, 1, 1]]
    assert num_outside == 1


@pytest.mark.parametrize("resolution", [256, 257])
def test_both_ways_of_finding_distinct_voxels_agree(resolution):
    points = np.random.default_rng(0).uniform(0, 256, (2000, 3))
    coords, _ = voxelise(points, resolution)
    np.testing.assert_array_equal(coords, np.unique(np.floor(points), axis=0))


def test_takes_arrays_that_are_not_contiguous():
    points = np.random.default_rng(0).uniform(0, 8, (50, 6))
    np.testing.assert_array_equal(voxelise(points[:, ::2], 8)[0], voxelise(points[:, ::2].copy(), 8)[0])
