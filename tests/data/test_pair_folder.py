"""Pairs of scans and whole shapes: matched by path, in the layouts people have."""

import numpy as np
import pytest

from completion.data.camera import DepthCamera
from completion.data.pair_folder import PairFolder
from completion.data.prepare import Preparation
from completion.data.shape import Points


def write(path, seed: int = 0, count: int = 300) -> np.ndarray:
    """Writes random points and returns them."""
    points = np.random.default_rng(seed).uniform(0, 1, (count, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, points)
    return points


def test_matches_by_name_and_loads_both(tmp_path):
    scan, whole = write(tmp_path / "partial/a.npy", 1), write(tmp_path / "complete/a.npy", 2)
    (item,) = PairFolder(tmp_path).items()
    pair = PairFolder(tmp_path).load(item)
    assert (item.category, item.group) == ("shape", "a")
    np.testing.assert_array_equal(pair.partial.points, scan)
    assert isinstance(pair.complete, Points)
    np.testing.assert_array_equal(pair.complete.points, whole)


def test_scans_of_one_shape_share_its_group_and_split(tmp_path):
    for shape in range(12):
        write(tmp_path / f"complete/chair/{shape}.npy")
        for view in range(3):
            write(tmp_path / f"partial/chair/{shape}/{view:02d}.npy")
    items = PairFolder(tmp_path).items()
    assert len(items) == 36
    assert {item.category for item in items} == {"chair"}
    splits: dict[str, set[str]] = {}
    for item in items:
        splits.setdefault(item.group, set()).add(item.split)
    assert sorted(splits) == sorted(f"chair/{shape}" for shape in range(12))
    assert all(len(found) == 1 for found in splits.values())
    assert {split for found in splits.values() for split in found} == {"train", "validation", "test"}


def test_folders_named_after_splits_are_the_splits(tmp_path):
    for folder in ("train", "val", "test"):
        write(tmp_path / folder / "partial/a.npy")
        write(tmp_path / folder / "complete/a.npy")
    items = PairFolder(tmp_path).items()
    assert [item.split for item in items] == ["train", "validation", "test"]
    assert len({item.name for item in items}) == 3


def test_turns_both_to_y_up(tmp_path):
    scan, _ = write(tmp_path / "partial/a.npy"), write(tmp_path / "complete/a.npy")
    source = PairFolder(tmp_path, up=(0, 0, 1))
    pair = source.load(source.items()[0])
    np.testing.assert_allclose(pair.partial.points, scan[:, [0, 2, 1]] * [1, 1, -1], atol=1e-12)
    np.testing.assert_allclose(pair.complete.points, pair.partial.points)


def test_a_scan_without_its_shape_is_skipped_and_told(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"partial/{name}.npy")
    write(tmp_path / "complete/a.npy")
    preparation = Preparation(tmp_path / "cache", 16, num_points=50, camera=DepthCamera(resolution=32))
    prepared = preparation.run(PairFolder(tmp_path))
    assert sum(prepared.counts.values()) == 1
    assert [skipped.name for skipped in prepared.skipped] == ["b.npy"]
    assert "must have one file of the same name in complete/, got 0" in prepared.skipped[0].reason


def test_an_empty_folder_says_what_was_looked_for(tmp_path):
    with pytest.raises(ValueError, match=r"must hold partial/ and complete/ with files \.ply"):
        PairFolder(tmp_path).items()
    with pytest.raises(FileNotFoundError, match="root must be an existing folder"):
        PairFolder(tmp_path / "missing").items()


def test_a_root_that_is_itself_below_a_folder_named_partial(tmp_path):
    root = tmp_path / "partial" / "mine"
    write(root / "partial/a.npy")
    write(root / "complete/a.npy")
    source = PairFolder(root)
    assert len(source.load(source.items()[0]).partial.points) == 300


def test_the_benchmark_layout(shared_dir):
    source = PairFolder(shared_dir / "data" / "formats" / "pcn")
    items = source.items()
    assert [item.split for item in items] == ["train"] * 4
    assert {item.category for item in items} == {"02958343", "03001627"}
    pair = source.load(items[0])
    assert (len(pair.partial.points), len(pair.complete.points)) == (1500, 16384)
