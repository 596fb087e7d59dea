"""The depth camera: where its points lie, that it sees one side, its faults, and that a seed repeats it."""

from dataclasses import replace

import numpy as np
import pytest

from completion.data.camera import DepthCamera, bled
from completion.data.shape import Mesh
from completion.data.toy.parts import box, moved
from completion.data.view import look_at, pixel_directions

EXACT = DepthCamera(resolution=64, noise=(0, 0), quantisation=0, grazing=0, dropout=0)


def test_exact_points_lie_on_the_surface_and_face_the_camera(sphere):
    scan = EXACT.scan(sphere, np.random.default_rng(0))
    radius = np.linalg.norm(scan.points, axis=1)
    assert len(scan.points) > 800
    assert radius.min() > 1.95
    assert radius.max() < 2.0 + 1e-4
    # Seen from p, the points q of a sphere satisfy (p − q)·q ≥ 0; the facets of the mesh blur that a little.
    assert ((scan.view.position - scan.points) * scan.points).sum(axis=1).min() > -0.5


def test_the_view_stands_where_it_was_asked_to(sphere):
    camera = DepthCamera(resolution=16, elevation=(30, 30), distance=(1.2, 1.2), field_of_view=60)
    view = camera.scan(sphere, np.random.default_rng(0)).view
    distance = np.linalg.norm(view.position)
    assert distance == pytest.approx(2 * 1.2 / np.sin(np.radians(30)), rel=1e-3)
    assert np.degrees(np.arcsin(view.position[1] / distance)) == pytest.approx(30, abs=1e-3)


def test_a_seed_repeats_a_scan_and_views_differ(table):
    camera = DepthCamera(resolution=48)
    first, second = (camera.scan_views(table, 2, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first[0].points, second[0].points)
    np.testing.assert_array_equal(first[1].points, second[1].points)
    assert not np.array_equal(first[0].view.position, first[1].view.position)


@pytest.mark.parametrize(("scale", "offset"), [(1000.0, 0.0), (0.001, 0.0), (1.0, 5.6e6)])
def test_units_and_offsets_do_not_matter(table, scale, offset):
    other = Mesh(table.vertices * scale + offset, table.faces)
    near = DepthCamera(resolution=32).scan(table, np.random.default_rng(3)).points
    far = DepthCamera(resolution=32).scan(other, np.random.default_rng(3)).points
    np.testing.assert_allclose((far - offset) / scale, near, atol=1e-5)


def test_noise_quantisation_and_dropout_do_what_they_say(sphere):
    exact = EXACT.scan(sphere, np.random.default_rng(0))
    noisy = replace(EXACT, noise=(0.01, 0.01)).scan(sphere, np.random.default_rng(0))
    assert noisy.points.shape == exact.points.shape
    along = np.linalg.norm(noisy.points - noisy.view.position, axis=1)
    along -= np.linalg.norm(exact.points - exact.view.position, axis=1)
    # The noise is of the depth, and rays are at most a little longer than their depth.
    assert np.std(along) == pytest.approx(0.01 * 2, rel=0.1)
    thinned = replace(EXACT, dropout=0.5).scan(sphere, np.random.default_rng(0))
    assert len(thinned.points) / len(exact.points) == pytest.approx(0.5, abs=0.08)
    stepped = replace(EXACT, quantisation=0.1).scan(sphere, np.random.default_rng(0))
    depth = (stepped.points - stepped.view.position) @ stepped.view.rotation[:, 2]
    np.testing.assert_allclose(depth / 0.2, np.round(depth / 0.2), atol=1e-4)


def test_grazing_rays_are_lost(sphere):
    steep = replace(EXACT, grazing=45).scan(sphere, np.random.default_rng(0))
    towards = steep.view.position - steep.points
    cosine = (towards * steep.points).sum(axis=1) / np.linalg.norm(towards, axis=1) / 2
    assert cosine.min() > np.cos(np.radians(45)) - 0.1
    assert len(steep.points) < len(EXACT.scan(sphere, np.random.default_rng(0)).points)


def test_bleeding_puts_depths_between_both_sides_of_an_edge():
    depth = np.full((8, 8), 2.0)
    depth[:, 4:] = 5.0
    depth[0] = 0.0
    result = bled(depth, 1.0, np.random.default_rng(0))
    changed = result != depth
    assert changed[1:, 3].all()
    assert changed.sum() == 7
    assert ((result[1:, 3] > 2) & (result[1:, 3] < 5)).all()


def test_tries_other_views_and_then_says_that_too_little_is_seen():
    needle = box((0, 0, 0), (10, 1e-4, 1e-4))
    with pytest.raises(
        ValueError, match=r"must show at least 50 pixels, got .* from the last of 8 viewpoints"
    ):
        DepthCamera(resolution=32).scan(needle, np.random.default_rng(0))


def test_refuses_a_mesh_without_extent_or_faces():
    with pytest.raises(ValueError, match="mesh must have a finite extent above 0"):
        DepthCamera().scan(Mesh(np.ones((3, 3)), np.array([[0, 1, 2]])), np.random.default_rng(0))
    with pytest.raises(ValueError, match="mesh must have faces, got none"):
        DepthCamera().scan(Mesh(np.ones((3, 3)), np.empty((0, 3), dtype=int)), np.random.default_rng(0))


def test_a_vertex_that_no_face_uses_does_not_matter(table):
    stray = Mesh(np.concatenate([table.vertices, [[1e6, 0, 0]]]), table.faces)
    first, second = (
        DepthCamera(resolution=32).scan(mesh, np.random.default_rng(0)) for mesh in (table, stray)
    )
    np.testing.assert_array_equal(first.points, second.points)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"noise": (0.1, 0.0)}, r"noise must be \(lowest, highest\)"),
        ({"noise": (-0.1, 0.0)}, "noise must be at least 0"),
        ({"dropout": -1}, "dropout must be at least 0"),
        ({"field_of_view": 180}, "field_of_view must be above 0 and below 180 degrees, got 180"),
        ({"field_of_view": 0}, "field_of_view must be above 0 and below 180 degrees, got 0"),
        ({"resolution": 0}, "resolution must be at least 1"),
        ({"elevation": (60, 0)}, r"elevation must be \(lowest, highest\)"),
    ],
)
def test_refuses_impossible_cameras(arguments, words):
    with pytest.raises(ValueError, match=words):
        DepthCamera(**arguments)


def test_lists_from_a_config_make_the_same_camera():
    assert DepthCamera(elevation=[-10, 60], noise=[0, 0.01]) == DepthCamera()
    assert repr(DepthCamera(elevation=[-10, 60], field_of_view=45)) == repr(DepthCamera())


def test_the_middle_ray_meets_the_middle_and_the_image_is_upright():
    view = look_at(np.array([0.0, 3.0, 4.0]), 60.0, 65)
    directions = pixel_directions(view)
    np.testing.assert_allclose(view.position + 5 * directions[32, 32], 0, atol=1e-12)
    assert directions[0, 32, 1] > directions[64, 32, 1]
    np.testing.assert_allclose(view.rotation.T @ view.rotation, np.eye(3), atol=1e-12)
    assert np.linalg.det(view.rotation) == pytest.approx(1)
    above = look_at(np.array([0.0, 2.0, 0.0]), 60.0, 4)
    assert np.isfinite(above.rotation).all()


def test_a_box_beside_the_origin_is_centred(table):
    shifted = moved(table, (100.0, 0.0, 0.0))
    scan = DepthCamera(resolution=32, dropout=0.0).scan(shifted, np.random.default_rng(0))
    assert abs(scan.points[:, 0].mean() - 100) < 0.5
