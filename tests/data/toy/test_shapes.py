"""Toy shapes: closed bodies of sensible size in every category, seeded, split without overlap."""

from collections import Counter

import numpy as np
import pytest

from completion.data.shape import Mesh
from completion.data.toy import CATEGORIES, ToyShapes
from completion.data.toy.shapes import RECIPES

# Longest side in metres that a recipe may give.
SIZES = {"chair": (0.7, 1.5), "table": (0.6, 2.0), "sofa": (0.8, 2.6), "bed": (1.8, 2.6), "lamp": (0.25, 2.2)}
SIZES |= {"bottle": (0.12, 0.5), "mug": (0.07, 0.2), "teapot": (0.15, 0.5), "vase": (0.08, 0.9)}
SIZES |= {"car": (3, 10), "plane": (7, 45), "boat": (3, 16), "shelf": (0.75, 2.1), "laptop": (0.2, 0.6)}


def boundary_edges(mesh: Mesh) -> int:
    """Number of directed edges without their opposite: 0 for closed parts with consistent winding."""
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    count = Counter(map(tuple, edges.tolist()))
    return sum(number != count.get((b, a), 0) for (a, b), number in count.items())


def signed_volume(mesh: Mesh) -> float:
    """Positive if the faces look outwards."""
    a, b, c = np.moveaxis(mesh.triangles - mesh.vertices.mean(axis=0), 1, 0)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


@pytest.mark.parametrize("category", CATEGORIES)
def test_recipes_give_closed_bodies_of_their_size(category):
    for seed in range(25):
        mesh = RECIPES[category](np.random.default_rng(seed))
        assert np.isfinite(mesh.vertices).all()
        assert len(mesh.faces) > 20
        assert boundary_edges(mesh) == 0
        assert signed_volume(mesh) > 0
        low, high = SIZES[category]
        assert low < np.ptp(mesh.vertices, axis=0).max() < high
        assert mesh.vertices[:, 1].min() > -0.02 or category in ("plane", "boat", "laptop")


@pytest.mark.parametrize("category", CATEGORIES)
def test_recipes_vary(category):
    sides = np.array(
        [np.ptp(RECIPES[category](np.random.default_rng(s)).vertices, axis=0) for s in range(20)]
    )
    assert (sides.std(axis=0) / sides.mean(axis=0)).max() > 0.08


def test_same_seed_same_shapes_other_seed_others():
    first, second, other = ToyShapes(3, 14, 0, 0), ToyShapes(3, 14, 0, 0), ToyShapes(4, 14, 0, 0)
    for item in first.items():
        np.testing.assert_array_equal(first.load(item).vertices, second.load(item).vertices)
        assert not np.array_equal(first.load(item).vertices[:9], other.load(item).vertices[:9])
    assert first.fingerprint() == second.fingerprint() != other.fingerprint()


def test_splits_have_their_counts_their_own_shapes_and_all_categories():
    source = ToyShapes(0, 28, 14, 14)
    items = source.items()
    assert Counter(item.split for item in items) == {"train": 28, "validation": 14, "test": 14}
    assert len({item.name for item in items}) == len({item.group for item in items}) == 56
    for split in ("train", "validation", "test"):
        assert {item.category for item in items if item.split == split} == set(CATEGORIES)
    shapes = {source.load(item).vertices.tobytes() for item in items}
    assert len(shapes) == 56


def test_more_items_keep_the_first_ones():
    few, many = ToyShapes(0, 5, 1, 1), ToyShapes(0, 9, 2, 2)
    assert few.items()[:5] == many.items()[:5]
    np.testing.assert_array_equal(few.load(few.items()[4]).vertices, many.load(many.items()[4]).vertices)


@pytest.mark.parametrize("counts", [(0, 0, 0), (-1, 2, 2)])
def test_refuses_impossible_counts(counts):
    with pytest.raises(ValueError, match="must be counts, not all 0"):
        ToyShapes(0, *counts)


def test_refuses_a_seed_below_0():
    with pytest.raises(ValueError, match="ToyShapes: seed must be at least 0, got -1"):
        ToyShapes(-1)
