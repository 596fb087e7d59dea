"""One shape to its samples: the frame knows the scan alone, the truth is the whole surface."""

import numpy as np
import pytest

from completion.data.camera import DepthCamera
from completion.data.frame import Frame
from completion.data.samples import Recipe, make_samples, subsampled
from completion.data.shape import Item, Mesh, Pair, Points
from completion.data.surface import sample_surface
from completion.data.voxelise import voxelise

RECIPE = Recipe(32, 1.2, 2, 500, DepthCamera(resolution=48), seed=0)
ITEM = Item("a", "c", "g", "train")


def test_views_share_the_truth_and_each_has_the_frame_of_its_scan(table):
    samples = make_samples(table, ITEM, RECIPE)
    assert [sample.view for sample in samples] == [0, 1]
    worlds = [sample.frame.to_world(sample.complete_points) for sample in samples]
    np.testing.assert_allclose(worlds[0], worlds[1], atol=1e-5)
    for sample in samples:
        assert len(sample.complete_points) == 500
        assert len(sample.partial_points) <= 500
        assert sample.partial_coords.max() < 32
        assert sample.complete_coords.min() >= 0
        assert len(np.unique(sample.complete_coords, axis=0)) == len(sample.complete_coords)


def test_the_truth_is_the_whole_surface_and_clipping_is_counted(table):
    for sample in make_samples(table, ITEM, RECIPE):
        dense = sample.frame.to_grid(sample_surface(table, 100_000, np.random.default_rng(1)))
        coords, num_outside = voxelise(dense, 32)
        cells, got = ({tuple(row) for row in rows.tolist()} for rows in (coords, sample.complete_coords))
        assert len(cells & got) > 0.95 * len(cells | got)
        assert abs(num_outside - sample.num_clipped) <= 0.1 * max(num_outside, 10)


def test_numbers_depend_on_the_name_and_seed_alone(table):
    first, again = make_samples(table, ITEM, RECIPE), make_samples(table, ITEM, RECIPE)
    np.testing.assert_array_equal(first[1].partial_coords, again[1].partial_coords)
    np.testing.assert_array_equal(first[1].complete_points, again[1].complete_points)
    other = make_samples(table, Item("b", "c", "g", "train"), RECIPE)
    assert other[0].frame != first[0].frame


def test_a_pair_keeps_its_scan(table):
    scan = table.vertices[table.vertices[:, 0] > 0]
    (sample,) = make_samples(Pair(Points(scan), table), ITEM, RECIPE)
    assert sample.frame == Frame.from_partial(scan, 32, 1.2)
    np.testing.assert_array_equal(sample.partial_points, sample.frame.to_grid(scan))
    cloud = Points(sample_surface(table, 3000, np.random.default_rng(0)))
    (sample,) = make_samples(Pair(Points(scan), cloud), ITEM, RECIPE)
    assert len(sample.complete_points) == 500
    assert len(sample.complete_coords) > 300


def test_a_small_scan_of_a_vast_mesh_stays_bounded(table, monkeypatch):
    monkeypatch.setattr("completion.data.samples._MAX_COVER", 10_000)
    vast = Mesh(np.concatenate([table.vertices, [[-1e4, 0, -1e4], [1e4, 0, -1e4], [0, 0, 1e4]]]), table.faces)
    count = len(table.vertices)
    vast = Mesh(vast.vertices, np.concatenate([table.faces, [[count, count + 1, count + 2]]]))
    (sample,) = make_samples(Pair(Points(table.vertices), vast), ITEM, RECIPE)
    assert len(sample.complete_coords) > 0


def test_says_why_a_shape_is_of_no_use(table):
    with pytest.raises(ValueError, match="shape must have faces to be scanned, got points alone"):
        make_samples(Points(np.zeros((5, 3))), ITEM, RECIPE)
    far = Mesh(table.vertices + 1000, table.faces)
    with pytest.raises(ValueError, match=r"truth must meet the box of the scan.*check the poses"):
        make_samples(Pair(Points(table.vertices), far), ITEM, RECIPE)
    with pytest.raises(ValueError, match="must be at least two distinct"):
        make_samples(Pair(Points(np.zeros((1, 3))), table), ITEM, RECIPE)


def test_subsampling_keeps_order_and_rows():
    points = np.arange(30.0).reshape(10, 3)
    few = subsampled(points, 4, np.random.default_rng(0))
    assert few.shape == (4, 3)
    assert (np.diff(few[:, 0]) > 0).all()
    assert {tuple(row) for row in few} <= {tuple(row) for row in points}
    assert subsampled(points, 10, np.random.default_rng(0)) is points


def test_a_scan_in_other_units_than_its_truth_is_refused(table):
    points = sample_surface(table, 500, np.random.default_rng(0))
    for truth in (table, Points(points)):
        with pytest.raises(ValueError, match=r"scan and truth must be in one unit, got lengths of .* and "):
            make_samples(Pair(Points(1000 * points), truth), ITEM, RECIPE)
    assert len(make_samples(Pair(Points(points), table), ITEM, RECIPE)) == 1
    one = Points(points[:1])
    assert len(make_samples(Pair(Points(points), one), ITEM, RECIPE)) == 1  # a point has no unit
