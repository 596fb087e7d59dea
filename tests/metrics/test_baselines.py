"""Baselines: dilation, mirror image and nearest training shape against plain Python."""

import brute_force
import numpy as np
import pytest

from completion.metrics.baselines import NearestTrainingShape, dilated_input, mirrored_input


def as_set(coords: np.ndarray) -> set:
    return {tuple(row) for row in coords.tolist()}


def test_dilated_input_is_the_clipped_dilation():
    partial = np.random.default_rng(0).integers(0, 9, size=(20, 3))
    expected = brute_force.dilated(brute_force.voxel_set(partial, 9), 9)
    found = dilated_input(partial, 9)
    assert found.dtype == np.int32 and as_set(found) == expected and len(found) == len(expected)


@pytest.mark.parametrize("axis", [0, 2])
def test_mirrored_input_is_its_own_mirror_image(axis):
    partial = np.random.default_rng(1).integers(2, 12, size=(30, 3))
    found = mirrored_input(partial, 16, axis)
    low, high = partial[:, axis].min(), partial[:, axis].max()
    image = found.copy()
    image[:, axis] = low + high - image[:, axis]
    assert as_set(image) == as_set(found) and as_set(partial) <= as_set(found)
    assert len(found) <= 2 * len(partial)


def test_empty_input_stays_empty():
    empty = np.zeros((0, 3), dtype=np.int32)
    assert dilated_input(empty, 8).shape == mirrored_input(empty, 8).shape == (0, 3)


def test_nearest_training_shape_has_the_highest_iou_of_inputs():
    rng = np.random.default_rng(2)
    partials = [rng.integers(0, 5, size=(rng.integers(0, 50), 3)) for _ in range(25)]
    complete = [np.full((1, 3), number) for number in range(25)]
    baseline = NearestTrainingShape(partials, complete.__getitem__, 5)
    sets = [brute_force.voxel_set(partial, 5) for partial in partials]
    for _ in range(20):
        query = rng.integers(0, 5, size=(rng.integers(1, 50), 3))
        ious = [brute_force.set_iou(brute_force.voxel_set(query, 5), other) for other in sets]
        row, iou = baseline.nearest(query)
        assert row == int(np.argmax(ious)) and iou == max(ious)
        assert baseline.complete(query).tolist() == complete[row].tolist()


def test_a_query_without_shared_voxels_gets_the_first_item():
    baseline = NearestTrainingShape([np.array([[1, 1, 1]])] * 2, lambda row: np.array([[row, 0, 0]]), 4)
    assert baseline.nearest(np.array([[0, 0, 0]])) == (0, 0.0)
    assert baseline.nearest(np.zeros((0, 3), dtype=int)) == (0, 0.0)


def test_no_training_items_is_an_error():
    with pytest.raises(ValueError, match="NearestTrainingShape: partials must hold at least one item"):
        NearestTrainingShape([], lambda row: np.zeros((0, 3)), 4)
