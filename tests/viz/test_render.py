"""Off-screen renders of tiny scenes with the real renderer, and the sentences when it cannot."""

import subprocess

import numpy as np
import pytest

from completion.viz import render
from completion.viz.palette import INPUT, MISSING, SHAPE, WRONG
from completion.viz.picture import comparison_picture, completion_picture, is_in
from completion.viz.view_fit import FIELD_OF_VIEW, box_corners, fitted_camera

PARTIAL = np.array([[x, y, 0] for x in range(4) for y in range(5)])
TRUTH = np.array([[x, y, z] for x in range(4) for y in range(5) for z in range(3)])
COMPLETED = np.array([[x, y, z] for x in range(5) for y in range(5) for z in range(2)])


def read_image(path) -> np.ndarray:
    import open3d as o3d

    return np.asarray(o3d.io.read_image(str(path)))


def share_near(image: np.ndarray, colour: tuple[float, float, float]) -> float:
    """Share of pixels with the hue of a colour, whatever their brightness."""
    light = image.astype(float).max(axis=2, keepdims=True).clip(min=1)
    reference = np.array(colour) / max(colour)
    dark_enough = image.min(axis=2) < 240
    return float(((np.abs(image / light - reference).max(axis=2) < 0.06) & dark_enough).mean())


@pytest.fixture(scope="module")
def sheet(tmp_path_factory) -> np.ndarray:
    """A comparison and a completion drawn by one process; the comparison's pixels."""
    folder = tmp_path_factory.mktemp("pictures")
    compared = comparison_picture("tiny", PARTIAL, COMPLETED, TRUTH)
    completed = completion_picture("tiny", PARTIAL, np.zeros((0, 3), dtype=np.int32))
    render.save_pictures([(compared, folder / "a.png"), (completed, folder / "b.png")], panel_edge=120)
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "b.png"]
    assert read_image(folder / "b.png").shape[1] == 240
    return read_image(folder / "a.png")


def test_a_comparison_shows_four_panels_in_their_colours(sheet):
    assert sheet.dtype == np.uint8 and sheet.shape[1] == 480 and sheet.shape[2] == 3
    panels = [sheet[60:200, left : left + 120] for left in (0, 120, 240, 360)]
    assert all((panel.min(axis=2) < 200).mean() > 0.1 for panel in panels)
    assert share_near(panels[0], INPUT) > 0.1 and share_near(panels[0], SHAPE) < 0.02
    assert share_near(panels[2], SHAPE) > 0.1 and share_near(panels[2], INPUT) < 0.02
    assert share_near(panels[3], WRONG) > 0.02
    assert share_near(panels[2], MISSING) == share_near(panels[2], WRONG) == 0


def test_nothing_is_cut_off(sheet):
    body = sheet[74:194].reshape(120, 4, 120, 3).min(axis=3)
    assert (body[:, :, [0, -1]] > 200).all() and (body[[0, -1]] > 200).all()


def test_legend_has_the_colours_of_its_meanings(sheet):
    squares = {
        tuple(np.rint(255 * np.array(colour)).astype(int)) for colour in (INPUT, SHAPE, MISSING, WRONG)
    }
    pixels = {tuple(pixel) for pixel in sheet[-52:].reshape(-1, 3).tolist()}
    assert squares <= pixels


def test_difference_counts_missing_and_wrong():
    panel = comparison_picture("", PARTIAL, COMPLETED, TRUTH).panels[3]
    assert panel.caption == "20 missing, 10 wrong" and len(panel.coords) == 70
    for colour, count in ((SHAPE, 40), (MISSING, 20), (WRONG, 10)):
        assert (panel.colours == np.float32(colour)).all(axis=1).sum() == count
    assert is_in(PARTIAL, TRUTH).all() and not is_in(TRUTH, PARTIAL).all()


@pytest.mark.parametrize("azimuth", [-120, 0, 35, 90])
def test_camera_sees_all_corners_and_fills_the_picture(azimuth):
    points = box_corners(np.random.default_rng(azimuth % 7).integers(0, 64, size=(50, 3)) * [1, 2, 1])
    camera = fitted_camera(points, azimuth, 25)
    back = (camera.eye - camera.centre) / camera.distance
    right = np.cross([0, 1, 0], back) / np.linalg.norm(np.cross([0, 1, 0], back))
    offset = points - camera.eye
    slopes = np.stack([offset @ right, offset @ np.cross(back, right)], axis=1) / -(offset @ back)[:, None]
    edge = np.tan(np.radians(FIELD_OF_VIEW / 2))
    assert 0.90 * edge < np.abs(slopes).max() < 0.95 * edge
    np.testing.assert_allclose(slopes.max(0) + slopes.min(0), 0, atol=1e-3)


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"save_pictures: path must end in .png, got .*a.jpg"):
        render.save_pictures([(completion_picture("", PARTIAL, TRUTH), tmp_path / "a.jpg")])


def test_a_failed_process_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("VK_ICD_FILENAMES", str(tmp_path / "none.json"))
    monkeypatch.setenv("VK_DRIVER_FILES", str(tmp_path / "none.json"))
    with pytest.raises(RuntimeError, match=r"without a screen it needs libgl1") as error:
        render.save_pictures([(completion_picture("", PARTIAL, TRUTH), tmp_path / "a.png")], panel_edge=64)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("file/a.png", r"file/a.png \(Not a directory\)"), ("b.png", r"b.png \(Is a directory\)")],
)
def test_a_place_that_cannot_be_written_is_refused_before_drawing(tmp_path, monkeypatch, name, words):
    monkeypatch.setattr(render, "_draw", pytest.fail)
    (tmp_path / "file").touch()
    (tmp_path / "b.png").mkdir()
    with pytest.raises(ValueError, match=rf"path must be a file that can be written, got .*{words}; name"):
        render.save_pictures([(completion_picture("", PARTIAL, TRUTH), tmp_path / name)])


def test_a_picture_that_did_not_arrive_is_not_blamed_on_the_driver(tmp_path, monkeypatch):
    warning = b"\x1b[1;33m[Open3D WARNING] Write PNG failed\x1b[0;m\n"
    ended = subprocess.CompletedProcess([], 0, stdout=b"", stderr=warning)
    monkeypatch.setattr(render.subprocess, "run", lambda *_, **__: ended)
    with pytest.raises(RuntimeError) as error:
        render.save_pictures([(completion_picture("", PARTIAL, TRUTH), tmp_path / "a.png")])
    expected = (
        f"save_pictures: {tmp_path} must take the pictures, got [Open3D WARNING] Write PNG failed; make room"
    )
    assert str(error.value).startswith(expected) and "libgl1" not in str(error.value)


def test_without_open3d_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(render.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"show: open3d must be installed to draw.*pip install open3d"):
        render.require_open3d("show")
