"""The frame: round trips, what it takes from a partial scan, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from completion.data.frame import Frame, robust_bounds


def cube(centre, side: float) -> np.ndarray:
    """A regular grid of points filling a cube."""
    steps = np.linspace(-side / 2, side / 2, 11)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3) + np.asarray(centre)


def test_world_to_grid_and_back():
    frame = Frame((1.0, 2.0, -3.0), 0.25, 16)
    assert frame.to_grid(np.array([[1.0, 2.0, -3.0], [5.0, 6.0, 1.0]])).tolist() == [[0, 0, 0], [16, 16, 16]]
    points = np.random.default_rng(0).uniform(-5, 5, (100, 3))
    np.testing.assert_allclose(frame.to_world(frame.to_grid(points)), points, atol=1e-5)
    assert frame.voxel_centres(np.array([[0, 0, 0], [1, 2, 3]])).tolist() == [
        [1.125, 2.125, -2.875],
        [1.375, 2.625, -2.125],
    ]


def test_utm_coordinates_keep_their_millimetres():
    rng = np.random.default_rng(0)
    offset = np.array([665187.522, 5648349.895, 241.767])
    local = rng.uniform(0, 1, (500, 3))
    near, far = (Frame.from_partial(points, 64) for points in (local, local + offset))
    np.testing.assert_allclose(near.to_grid(local), far.to_grid(local + offset), atol=1e-4)
    world = far.to_world(far.to_grid(local + offset))
    np.testing.assert_allclose(world, local + offset, atol=1e-5)


@given(scale=st.sampled_from([1e-3, 1.0, 1e3]), margin=st.floats(1.0, 2.0))
def test_from_partial_centres_the_scan_and_fills_the_box_up_to_the_margin(scale, margin):
    points = cube((3, 4, 5), 2.0) * [1, 0.5, 0.25] * scale
    frame = Frame.from_partial(points, 64, margin)
    low, high = robust_bounds(points)
    grid = frame.to_grid(np.stack([low, high]))
    np.testing.assert_allclose(grid.mean(axis=0), 32, atol=1e-3)
    np.testing.assert_allclose(np.ptp(grid, axis=0).max(), 64 / margin, rtol=1e-5)


def test_does_not_depend_on_units_or_on_one_stray_point():
    points = cube((0, 0, 0), 1.0)
    metres, millimetres = Frame.from_partial(points, 32), Frame.from_partial(points * 1000, 32)
    np.testing.assert_allclose(metres.to_grid(points), millimetres.to_grid(points * 1000), atol=1e-4)
    stray = np.concatenate([points, [[100.0, 100.0, 100.0]]])
    assert Frame.from_partial(stray, 32).voxel_size == pytest.approx(metres.voxel_size, rel=0.05)


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.ones((1, 3)), np.ones((5, 3))])
def test_refuses_what_has_no_extent(points):
    with pytest.raises(ValueError, match=r"Frame\.from_partial: points must be at least two distinct"):
        Frame.from_partial(points, 32)


def test_two_points_are_enough():
    frame = Frame.from_partial(np.array([[0.0, 0, 0], [0, 1, 0]]), 32)
    assert frame.voxel_size > 0


def test_refuses_other_shapes_nan_and_bad_numbers():
    with pytest.raises(ValueError, match=r"shape \[N, 3\], got \[4, 2\]"):
        Frame.from_partial(np.zeros((4, 2)), 32)
    with pytest.raises(ValueError, match="1 rows with NaN or infinity"):
        Frame.from_partial(np.array([[0, 0, 0], [np.nan, 0, 0]]), 32)
    with pytest.raises(ValueError, match=r"margin must be at least 1, got 0\.5"):
        Frame.from_partial(cube((0, 0, 0), 1), 32, margin=0.5)
    with pytest.raises(ValueError, match="voxel_size must be positive"):
        Frame((0, 0, 0), 0.0, 32)
    with pytest.raises(ValueError, match="resolution must be at least 1"):
        Frame((0, 0, 0), 1.0, 0)
    with pytest.raises(ValueError, match="origin must be finite"):
        Frame((0, float("nan"), 0), 1.0, 4)


@pytest.mark.filterwarnings("error")
def test_a_point_too_far_for_float32_is_infinite_without_a_warning():
    assert Frame((0, 0, 0), 1e-3, 4).to_grid(np.array([[1e300, -1e300, 1e-3]])).tolist() == [
        [np.inf, -np.inf, 1.0]
    ]


def test_takes_arrays_that_are_not_contiguous():
    points = cube((0, 0, 0), 1.0)
    wide = np.repeat(points, 2, axis=1)[:, ::2]
    assert Frame.from_partial(wide, 32) == Frame.from_partial(points, 32)
