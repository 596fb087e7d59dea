"""Chamfer distance and F-score against double loops; empty and degenerate clouds; the strict threshold."""

import math

import brute_force
import numpy as np
import pytest
import torch

from completion.metrics.floor import voxelisation_floor
from completion.metrics.nearest import nearest_distances
from completion.metrics.point_distance import chamfer_l1, fscore, point_scores

EMPTY = np.zeros((0, 3))
CLOUDS = {
    "boxes": lambda rng, n: rng.random((n, 3)),
    "sheet": lambda rng, n: np.c_[rng.random((n, 2)), np.zeros(n)],
    "line": lambda rng, n: np.c_[rng.random(n), np.zeros((n, 2))],
    "clusters": lambda rng, n: rng.integers(0, 2, (n, 3)) + 1e-3 * rng.random((n, 3)),
    "duplicates": lambda rng, n: np.repeat(rng.random((1, 3)), n, axis=0),
    "far": lambda rng, n: 5e5 + rng.random((n, 3)),
}


@pytest.mark.parametrize("second", CLOUDS)
@pytest.mark.parametrize("first", CLOUDS)
def test_nearest_equals_double_loop(first, second):
    rng = np.random.default_rng(0)
    one, other = CLOUDS[first](rng, 70), CLOUDS[second](rng, 40)
    there, back = nearest_distances(torch.from_numpy(one), torch.from_numpy(other))
    np.testing.assert_allclose(there, brute_force.nearest(one, other), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(back, brute_force.nearest(other, one), rtol=1e-12, atol=1e-9)


def test_nearest_of_large_clouds_equals_all_pairs():
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.rand(size, 3, generator=generator, dtype=torch.float64) for size in (3000, 2000))
    other[:, 2] *= 0.05
    pairs = (one[:, None] - other[None]).square().sum(2).sqrt()
    there, back = nearest_distances(one, other)
    torch.testing.assert_close(there, pairs.amin(1), rtol=1e-12, atol=0)
    torch.testing.assert_close(back, pairs.amin(0), rtol=1e-12, atol=0)


def test_scores_equal_double_loops_in_the_normalised_frame():
    rng = np.random.default_rng(1)
    found, truth = rng.random((80, 3)) * 32, rng.random((60, 3)) * 32
    scores = point_scores(found, truth, resolution=32)
    assert scores["cd_l1"] == pytest.approx(brute_force.chamfer_l1(found / 32, truth / 32), rel=1e-12)
    near = truth + rng.normal(scale=0.2, size=truth.shape)
    expected = brute_force.fscore(near / 32, truth / 32, 0.01)
    assert 0 < expected < 1
    assert point_scores(near, truth, resolution=32)["fscore@1%"] == pytest.approx(expected, rel=1e-12)


def test_a_shift_of_one_voxel_costs_one_voxel():
    truth = np.array([[8.0, 8.0, 8.0]])
    assert point_scores(truth + np.array([1, 0, 0]), truth, resolution=64)["cd_l1"] == pytest.approx(
        1000 / 64
    )


def test_threshold_is_strict():
    on_it, below = torch.tensor([0.5]), torch.tensor([0.5 - 1e-6])
    assert fscore(on_it, below, threshold=0.5) == 0.0
    assert fscore(below, below, threshold=0.5) == 1.0


def test_an_empty_cloud_scores_the_worst():
    points = np.array([[1.0, 2.0, 3.0]])
    for scores in (point_scores(EMPTY, points, 8), point_scores(points, EMPTY, 8)):
        assert scores == {"cd_l1": 1000 * math.sqrt(3), "fscore@1%": 0.0}
    assert chamfer_l1(torch.zeros(0), torch.zeros(0)) == 1000 * math.sqrt(3)


def test_floor_is_the_distance_of_centres_to_points():
    rng = np.random.default_rng(2)
    points = rng.random((50, 3)) * 8
    coords = np.unique(np.floor(points).astype(np.int32), axis=0)
    floor = voxelisation_floor(coords, points, 8)
    assert floor["cd_l1"] == pytest.approx(brute_force.chamfer_l1((coords + 0.5) / 8, points / 8), rel=1e-12)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"point_scores: points must be \[N, 3\]"):
        point_scores(np.zeros((2, 4)), np.zeros((2, 3)), 8)
    with pytest.raises(ValueError, match="points must be finite"):
        point_scores(np.full((2, 3), np.nan), np.zeros((2, 3)), 8)
