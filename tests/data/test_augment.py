"""The eight symmetries: they move voxels and points alike, keep y, and form the group they should."""

import numpy as np
import pytest

from completion.data.augment import NUM_SYMMETRIES, turned


@pytest.mark.parametrize("symmetry", range(NUM_SYMMETRIES))
def test_points_stay_in_their_voxels_and_heights_stay(sample, symmetry):
    moved = turned(sample, symmetry)
    np.testing.assert_array_equal(np.floor(moved.complete_points), moved.complete_coords)
    np.testing.assert_array_equal(np.floor(moved.partial_points), moved.partial_coords)
    np.testing.assert_array_equal(moved.complete_coords[:, 1], sample.complete_coords[:, 1])
    assert moved.complete_coords.min() >= 0
    assert moved.complete_coords.max() < sample.frame.resolution
    assert moved.complete_coords.dtype == np.int32
    assert moved.complete_points.dtype == np.float32
    assert moved.frame == sample.frame


def test_all_eight_differ_and_the_first_changes_nothing(sample):
    results = {turned(sample, s).complete_coords.tobytes() for s in range(NUM_SYMMETRIES)}
    assert len(results) == NUM_SYMMETRIES
    assert turned(sample, 0) is sample


def test_quarter_turns_and_mirrors_undo_themselves(sample):
    for symmetry, times in ((1, 4), (2, 2), (4, 2), (5, 2), (6, 2)):
        moved = sample
        for _ in range(times):
            moved = turned(moved, symmetry)
        np.testing.assert_array_equal(moved.complete_coords, sample.complete_coords)


def test_distances_are_kept(sample):
    def spread(points):
        return np.linalg.norm(points[1:] - points[:-1], axis=1)

    for symmetry in range(NUM_SYMMETRIES):
        moved = turned(sample, symmetry)
        np.testing.assert_allclose(spread(moved.complete_points), spread(sample.complete_points), rtol=1e-4)


def test_refuses_a_ninth(sample):
    with pytest.raises(ValueError, match="symmetry must be in 0…7, got 8"):
        turned(sample, 8)
