"""Points on surfaces: even over the area, and a cover that leaves no hole."""

import numpy as np
import pytest

from completion.data.shape import Mesh
from completion.data.surface import cover_surface, sample_surface
from completion.data.toy.parts import box
from completion.data.voxelise import voxelise


def test_samples_lie_on_the_surface_and_are_even(sphere):
    points = sample_surface(sphere, 20000, np.random.default_rng(0))
    radius = np.linalg.norm(points, axis=1)
    assert radius.min() > 1.9
    assert radius.max() <= 2.0 + 1e-9
    # An even density on a sphere means an even distribution of heights (Archimedes).
    counts, _ = np.histogram(points[:, 1], bins=8, range=(-2, 2))
    np.testing.assert_allclose(counts / 20000, 1 / 8, atol=0.015)


def test_samples_repeat_with_the_seed(sphere):
    first, second = (sample_surface(sphere, 100, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_refuses_a_mesh_without_area():
    flat = Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]]))
    with pytest.raises(ValueError, match="mesh must have area"):
        sample_surface(flat, 10, np.random.default_rng(0))


@pytest.mark.parametrize("spacing", [0.05, 0.3])
def test_cover_leaves_no_place_farther_than_the_spacing(table, spacing):
    cover = cover_surface(table, spacing)
    places = sample_surface(table, 300, np.random.default_rng(0))
    nearest = np.linalg.norm(places[:, None] - cover[None], axis=2).min(axis=1)
    assert nearest.max() <= spacing


def test_cover_finds_every_voxel_of_a_tilted_box():
    """Dense random points are the oracle: they find no voxel that the cover misses, slivers aside."""
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    tilted = box((-8, -5, -3), (8, 5, 3))
    mesh = Mesh(tilted.vertices @ turn.T + 16, tilted.faces)
    covered, _ = voxelise(cover_surface(mesh, 0.25), 32)
    dense = sample_surface(mesh, 400_000, np.random.default_rng(0))
    cells, counts = np.unique(np.floor(dense).astype(int), axis=0, return_counts=True)
    area_share = counts / len(dense) * mesh.areas.sum()
    found = {tuple(cell) for cell in covered.tolist()}
    missed = [
        share for cell, share in zip(cells.tolist(), area_share, strict=True) if tuple(cell) not in found
    ]
    # A piece without a point is smaller than two cells of the cover, and all of them are next to nothing.
    assert max(missed, default=0.0) < 2 * 0.25 * 0.25
    assert sum(missed) < 0.005 * mesh.areas.sum()
    inside_out = np.abs((cover_surface(mesh, 0.25) - 16) @ turn) / [8, 5, 3]
    np.testing.assert_allclose(inside_out.max(axis=1), 1.0)


def test_cover_of_slivers_and_of_nothing():
    sliver = Mesh(
        np.array([[0.0, 0, 0], [10, 0, 0], [5, 1e-12, 0], [3, 0, 0]]), np.array([[0, 1, 2], [0, 3, 1]])
    )
    cover = cover_surface(sliver, 0.5)
    assert np.isfinite(cover).all()
    assert 20 <= len(cover) <= 60
    assert cover_surface(Mesh(np.zeros((3, 3)), np.empty((0, 3), dtype=np.int64)), 0.5).shape == (0, 3)
