"""The mesh of voxels: which faces it has, where they are, which way they look, how they are shaded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completion.viz.cubes import cube_mesh
from completion.viz.shadow import floor_shadow

STEPS = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]


def areas_and_normals(mesh):
    corners = mesh.vertices[mesh.triangles].astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return 0.5 * np.linalg.norm(cross, axis=1), cross


@settings(max_examples=40, deadline=None)
@given(st.sets(st.tuples(*[st.integers(-3, 3)] * 3), max_size=25))
def test_area_is_the_number_of_free_faces(voxels):
    coords = np.array(sorted(voxels), dtype=np.int32).reshape(-1, 3)
    mesh = cube_mesh(coords, np.ones((len(coords), 3)))
    free = sum(tuple(np.add(voxel, step)) not in voxels for voxel in voxels for step in STEPS)
    assert len(mesh.triangles) == 10 * free
    assert areas_and_normals(mesh)[0].sum() == pytest.approx(free, rel=1e-5)


def test_faces_look_outwards_and_enclose_the_volume():
    coords = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [5, 5, 5]])
    mesh = cube_mesh(coords, np.ones((4, 3)))
    corners = mesh.vertices[mesh.triangles].astype(np.float64)
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert volume == pytest.approx(4, rel=1e-5)


def test_corners_under_a_neighbour_are_darker():
    def top_of_first(coords: list) -> np.ndarray:
        """Colours of the eight vertices of the top face of the voxel at the origin."""
        mesh = cube_mesh(np.array(coords), np.ones((len(coords), 3)))
        corners = mesh.vertices[mesh.triangles]
        faces = (corners[..., 1] == 1).all(1) & (corners[..., 0] <= 1).all(1) & (corners[..., 2] <= 1).all(1)
        return mesh.colours[np.unique(mesh.triangles[faces])]

    alone, shaded = top_of_first([[0, 0, 0]]), top_of_first([[0, 0, 0], [1, 1, 0]])
    assert alone.shape == shaded.shape == (8, 3)
    assert len(np.unique(alone)) == 2, "rim and inside"
    assert alone.max() == 1 and shaded.max() < 1
    assert (shaded <= alone).all() and (shaded < alone).any()


def test_colours_belong_to_their_voxels():
    coords, colours = np.array([[0, 0, 0], [9, 0, 0]]), np.array([[1.0, 0, 0], [0, 0, 1.0]])
    mesh = cube_mesh(coords, colours)
    left = mesh.vertices[:, 0] < 5
    assert (mesh.colours[left][:, 2] == 0).all() and (mesh.colours[~left][:, 0] == 0).all()


def test_shadow_is_darkest_below_and_white_at_the_edge():
    coords = np.array([[4, 0, 4], [20, 30, 20]])
    floor = floor_shadow(coords, coords.min(0), coords.max(0) + 1)
    darkest = floor.vertices[floor.colours[:, 0].argmin()]
    assert darkest[[0, 2]].tolist() == [4.5, 4.5]
    edge = (floor.vertices[:, 0] == floor.vertices[:, 0].min()) | (
        floor.vertices[:, 2] == floor.vertices[:, 2].max()
    )
    assert (floor.colours[edge] == 1).all()
    assert (areas_and_normals(floor)[1][:, 1] > 0).all()


def test_faces_turned_away_from_the_eye_are_left_out():
    coords = np.random.default_rng(0).integers(0, 6, size=(40, 3))
    coords = np.unique(coords, axis=0)
    eye = np.array([20.0, 3.0, -9.0])
    whole = cube_mesh(coords, np.ones((len(coords), 3)))
    seen = cube_mesh(coords, np.ones((len(coords), 3)), eye)
    corners = whole.vertices[whole.triangles].astype(np.float64)
    towards = ((eye - corners[:, 0]) * areas_and_normals(whole)[1]).sum(1) > 1e-9
    assert 0 < len(seen.triangles) == towards.sum() < len(whole.triangles)
    corners = seen.vertices[seen.triangles].astype(np.float64)
    assert (((eye - corners[:, 0]) * areas_and_normals(seen)[1]).sum(1) > 0).all()
