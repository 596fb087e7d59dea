"""Real scans and their truth: in one frame, upright, within the stated residual of each other."""

import json
from pathlib import Path

import numpy as np
import pytest

from completion.data.real_scans import RealScans, truth_placement
from completion.data.shape import Mesh
from completion.data.surface import sample_surface

ROOT = Path(__file__).resolve().parents[2]


def median_distance(points: np.ndarray, truth: np.ndarray) -> float:
    """Median distance of a few hundred points to the nearest of the truth's."""
    few = points[:: max(1, len(points) // 300)]
    return float(np.median(np.linalg.norm(few[:, None] - truth[None], axis=2).min(axis=1)))


def truth_points(truth) -> np.ndarray:
    """Points of a mesh's surface, or the points themselves, at most 20 000."""
    if isinstance(truth, Mesh):
        return sample_surface(truth, 20000, np.random.default_rng(0))
    return truth.points[:: max(1, len(truth.points) // 20000)]


@pytest.mark.parametrize("name", ["000003_bowl.ply", "000004_mustard_bottle.ply"])
def test_the_travelling_scans_lie_on_their_truth_and_stand_upright(name):
    source = RealScans(ROOT / "examples" / "scans")
    item = next(item for item in source.items() if item.name == name)
    pair = source.load(item)
    truth = truth_points(pair.complete)
    assert median_distance(pair.partial.points, truth) < 0.004
    sides = np.ptp(truth, axis=0)
    # A bottle is taller than wide, a bowl wider than tall; both are known to stand on the table.
    assert (sides[1] > 1.5 * max(sides[0], sides[2])) == ("bottle" in name)
    assert (sides[1] < 0.5 * min(sides[0], sides[2])) == ("bowl" in name)
    assert item.split == "test"


def test_the_developers_scans_lie_on_their_truth(shared_dir):
    source = RealScans(shared_dir / "data" / "scans")
    items = {item.path.stem: item for item in source.items()}
    assert len(items) == 20
    for stem in ("bun045", "chin", "happyStandRight_72"):
        pair = source.load(items[stem])
        assert median_distance(pair.partial.points, truth_points(pair.complete)) < 0.0015
    heights = [np.ptp(truth_points(source.load(items[stem]).complete)[:, 1]) for stem in ("bun000", "chin")]
    assert heights[0] == pytest.approx(heights[1], rel=1e-3)


def test_up_can_be_given(tmp_path):
    (tmp_path / "scan.xyz").write_text("1 2 3\n1 2 4\n")
    (tmp_path / "truth.xyz").write_text("0 0 0\n0 0 1\n")
    pose = {"T_gt_from_sensor": [[1, 0, 0, -1], [0, 1, 0, -2], [0, 0, 1, -3], [0, 0, 0, 1]]}
    (tmp_path / "poses.json").write_text(json.dumps({"scan": pose}))
    (tmp_path / "manifest.csv").write_text(
        "path,object,gt,pose\nscan.xyz,rod,truth.xyz,poses.json#scan\nx.xyz,y,,\n"
    )
    for up, wanted in ((None, [[1, 2, 3], [1, 2, 4]]), ((0, 0, 1), [[1, 3, -2], [1, 4, -2]])):
        source = RealScans(tmp_path, up=up)
        pair = source.load(source.items()[0])
        np.testing.assert_allclose(pair.partial.points, wanted, atol=1e-12)
        np.testing.assert_allclose(pair.complete.points, wanted, atol=1e-12)


def test_says_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"root must hold manifest\.csv"):
        RealScans(tmp_path).items()
    (tmp_path / "manifest.csv").write_text("path,object,gt,pose\na.ply,a,,\n")
    with pytest.raises(ValueError, match="must have rows with gt and pose, got none"):
        RealScans(tmp_path).items()
    with pytest.raises(ValueError, match=r"pose must have T_gt_from_sensor.* got \['other'\]"):
        truth_placement({"other": 1}, "poses.json#a")
    with pytest.raises(ValueError, match="must be a rigid 4 × 4 matrix"):
        truth_placement({"T_gt_from_sensor": (2 * np.eye(4)).tolist()}, "poses.json#a")
    (tmp_path / "poses.json").write_text("{}")
    (tmp_path / "manifest.csv").write_text("path,object,gt,pose\na.ply,a,b.ply,poses.json#a\n")
    source = RealScans(tmp_path)
    with pytest.raises(ValueError, match=r"poses\.json must be JSON with the entry a"):
        source.load(source.items()[0])
