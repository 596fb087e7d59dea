"""Voxel scores against Python sets; empty sets; the edge of the box; levels."""

import brute_force
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from completion.metrics.voxel_keys import dilated_keys, key_coords, voxel_keys
from completion.metrics.voxel_scores import support_recall, voxel_scores

EMPTY = np.zeros((0, 3), dtype=np.int32)


def coords_in(low: int, high: int) -> st.SearchStrategy[np.ndarray]:
    """Lists of voxels, some outside the box, with duplicates."""
    voxel = st.tuples(*[st.integers(low, high)] * 3)
    return st.lists(voxel, max_size=60).map(lambda rows: np.array(rows, dtype=np.int32).reshape(-1, 3))


@settings(max_examples=150, deadline=None)
@given(coords_in(-2, 8), coords_in(-2, 8), coords_in(-2, 8), st.integers(1, 7), st.sampled_from([1, 2, 3, 4]))
def test_scores_equal_sets(found, truth, partial, resolution, stride):
    expected = brute_force.voxel_scores(found, truth, partial, resolution, stride)
    assert voxel_scores(found, truth, partial, resolution, stride) == expected


def test_torch_and_numpy_agree_in_any_integer_dtype():
    rng = np.random.default_rng(0)
    sets = [rng.integers(0, 16, size=(200, 3), dtype=np.int32) for _ in range(3)]
    tensors = [torch.from_numpy(coords).long() for coords in sets]
    assert voxel_scores(*sets, resolution=16) == voxel_scores(*tensors, resolution=16)


def test_perfect_prediction_scores_one():
    truth = np.array([[1, 2, 3], [4, 4, 4]])
    assert set(voxel_scores(truth[::-1], truth, truth[:1], 8).values()) == {1.0}


def test_empty_prediction_scores_zero_and_is_not_dropped():
    truth, partial = np.array([[1, 1, 1], [7, 7, 7]]), np.array([[1, 1, 1]])
    assert set(voxel_scores(EMPTY, truth, partial, 8).values()) == {0.0}


def test_nothing_missing_and_nothing_added_agree():
    truth = np.array([[3, 3, 3], [3, 3, 4]])
    assert voxel_scores(EMPTY, truth, truth, 8)["iou_missing"] == 1.0
    assert voxel_scores(np.array([[0, 0, 0]]), truth, truth, 8)["iou_missing"] == 0.0


def test_voxels_outside_the_box_do_not_count():
    truth = np.array([[0, 0, 0]])
    found = np.array([[0, 0, 0], [8, 0, 0], [-1, 0, 0]])
    assert voxel_scores(found, truth, truth, 8)["precision"] == 1.0


@settings(max_examples=60, deadline=None)
@given(coords_in(0, 6), st.integers(1, 7))
def test_dilation_equals_sets(coords, edge):
    keys = dilated_keys(voxel_keys(coords, edge), edge)
    grown = {tuple(row) for row in key_coords(keys, edge).tolist()}
    assert grown == brute_force.dilated(brute_force.voxel_set(coords, edge), edge)


def test_support_recall_counts_reachable_true_voxels():
    truth = np.array([[0, 0, 0], [1, 1, 1], [2, 0, 0], [7, 7, 7], [9, 0, 0]])
    assert support_recall(np.array([[0, 0, 0], [4, 4, 4]]), 2, truth, 8) == 2 / 4
    assert support_recall(EMPTY, 2, truth, 8) == 0.0
    assert support_recall(EMPTY, 2, EMPTY, 8) == 1.0


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"voxel_keys: coords must be integers \[N, 3\]"):
        voxel_keys(np.zeros((2, 3)), 8)
    with pytest.raises(ValueError, match="drop the batch column"):
        voxel_keys(np.zeros((2, 4), dtype=np.int32), 8)
    with pytest.raises(ValueError, match="resolution and stride must be at least 1"):
        voxel_keys(EMPTY, 0)
