"""completion view: pictures of a run's samples and of scans without a screen; no screen for a window."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from completion.cli import shown, view
from completion.cli.main import main
from completion.data.ply_writer import save_ply


@pytest.fixture
def drawn(monkeypatch) -> list:
    """What would be drawn, as (picture, path); the renderer itself has tests of its own."""
    jobs = []
    monkeypatch.setattr("completion.viz.render.save_pictures", lambda pictures, **_: jobs.extend(pictures))
    return jobs


def test_a_sample_is_rendered_to_the_named_file(run_folder, tmp_path):
    assert main(["view", f"run={run_folder}", "item=0", "--save", "picture.png"]) == 0
    import open3d as o3d

    image = np.asarray(o3d.io.read_image(str(tmp_path / "picture.png")))
    assert image.shape[1] > 1000 and (image.min(axis=2) < 200).mean() > 0.02


@pytest.mark.parametrize("save", [["--save", "out.png"], ["--save=out.png"], ["save=out.png"]])
def test_save_may_be_said_in_three_ways(run_folder, drawn, save):
    assert main(["view", f"run={run_folder}", "item=1", *save]) == 0
    assert [path.name for _, path in drawn] == ["out.png"]


def test_a_folder_gets_best_median_and_worst_after_an_evaluation(run_folder, drawn):
    assert main(["evaluate", f"run={run_folder}", "baselines=false"]) == 0
    assert main(["view", f"run={run_folder}", "save=pictures"]) == 0
    labels = [path.name.split("_")[0] for _, path in drawn]
    assert labels == ["best", "median", "worst"]
    for picture, _ in drawn:
        assert [panel.title for panel in picture.panels] == ["input", "completed", "truth", "difference"]


def test_a_scan_is_completed_and_shown(run_folder, tmp_path, drawn):
    points = np.random.default_rng(0).random((200, 3)) + np.array([5e5, 5e6, 0])
    save_ply(tmp_path / "scan.ply", points)
    assert main(["view", f"run={run_folder}", "input=scan.ply", "save=scan.png"]) == 0
    ((picture, path),) = drawn
    assert path.name == "scan.png" and [panel.title for panel in picture.panels] == ["input", "completed"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux names its screen in DISPLAY")
def test_no_screen_is_one_sentence(run_folder, capsys, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main(["view", f"run={run_folder}", "item=0"]) == 2
    message = capsys.readouterr().err
    assert "save" in message and message.count("\n") == 1


def test_unknown_item_names_some_that_exist(run_folder, capsys):
    assert main(["view", f"run={run_folder}", "item=unicorn", "save=a.png"]) == 2
    assert "item must be a number below 3 or a name such as" in capsys.readouterr().err


def test_a_name_is_known_however_its_letters_are_written():
    class Names:
        items = (SimpleNamespace(name="a"), SimpleNamespace(name="tu\u0308r.obj"))

        def __getitem__(self, row):
            return row

    assert shown.named_sample(Names(), "t\u00fcr").sample == 1  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="item must be a number below 2 or a name such as a, tu"):
        shown.named_sample(Names(), "²")  # type: ignore[arg-type]


def test_flags_are_known_to_the_command():
    assert view.FLAGS["--save"] == "save"


def test_pictures_are_png_or_lie_in_a_folder(run_folder, tmp_path, capsys):
    assert main(["view", f"run={run_folder}", "save=picture.jpg"]) == 2
    assert "save must be a .png file or a folder, got picture.jpg" in capsys.readouterr().err
    assert not (tmp_path / "picture.jpg").exists()
