"""completion prepare: tells what was left out and what was changed, refuses bad numbers, mends its cache."""

from pathlib import Path

import pytest

from completion.cli.main import main
from completion.training.preparing import SHOWN, print_first

QUICK = (
    *("data.preparation.resolution=16", "data.preparation.views=1", "data.preparation.num_points=64"),
    "data.preparation.camera.resolution=32",
)
CUBE = "".join(f"v {x} {y} {z}\n" for x in (0, 1) for y in (0, 1) for z in (0, 1))
CUBE += "f 1 2 4 3\nf 5 7 8 6\nf 1 5 6 2\nf 3 4 8 7\nf 1 3 7 5\nf 2 6 8 4\n"


pytestmark = pytest.mark.usefixtures("in_empty_folder")


def prepare_folder(**texts: str) -> int:
    """Prepares a folder of OBJ files, those given written anew."""
    Path("meshes").mkdir(exist_ok=True)
    for name, text in texts.items():
        Path(f"meshes/{name}.obj").write_text(text)
    return main(["prepare", "data=folder", "data.source.root=meshes", *QUICK])


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("number", ["nan", "inf", "1e300", "-1e999"])
def test_dropped_faces_are_told_each_time(capsys, number):
    bad = f"{CUBE}v {number} 0 0\nf 1 2 9\nf 2 3 9\n"
    for texts in ({"good": CUBE, "bad": bad}, {}):
        assert prepare_folder(**texts) == 0
        printed = capsys.readouterr().out
        assert "noted 1:\nnoted bad.obj: dropped 2 faces with NaN, infinity or numbers" in printed
        assert "skipped" not in printed and ("preparing" in printed) == bool(texts)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_mesh_out_of_all_measure_is_skipped_and_told_without_a_warning(capsys):
    assert prepare_folder(good=CUBE, bad=CUBE.replace(" 1", " 1e300", 12)) == 0
    assert (
        "skipped bad.obj: FileFault: read: meshes/bad.obj must hold finite numbers" in capsys.readouterr().out
    )


def test_a_broken_cache_is_mended(capsys):
    assert prepare_folder(good=CUBE) == 0
    (sample,) = Path().glob("cache/**/*.npz")
    whole = sample.read_bytes()
    sample.unlink()
    assert prepare_folder() == 0 and sample.read_bytes() == whole
    (sample.parents[1] / "index.json").write_text("{")
    assert prepare_folder() == 0 and sample.read_bytes() == whole
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.preparation.resolution=100000", "resolution must be at most 32768, got 100000"),
        ("data.preparation.seed=-1", "Preparation: seed must be at least 0, got -1"),
        ("data.source.seed=-1", "ToyShapes: seed must be at least 0, got -1"),
        ("data.preparation.camera.field_of_view=180", "must be above 0 and below 180 degrees, got 180"),
        ("data.preparation.camera.elevation=[nan,nan]", "elevation must be (lowest, highest), finite, got"),
    ],
)
def test_a_number_out_of_bounds_is_one_sentence(tmp_path, capsys, override, words):
    assert main(["prepare", override]) == 2
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1
    assert not (tmp_path / "cache").exists()


def test_training_shows_the_first_few(capsys, tmp_path):
    print_first("noted", [f"{number}.obj: dropped" for number in range(SHOWN)], tmp_path / "index.json")
    assert capsys.readouterr().out.splitlines() == [f"noted {number}.obj: dropped" for number in range(SHOWN)]
    print_first("noted", ["a.obj: dropped"] * (SHOWN + 1), tmp_path / "index.json")
    assert capsys.readouterr().out.endswith(
        f"noted {SHOWN + 1} in all; {tmp_path / 'index.json'} lists them\n"
    )


def test_an_experiment_that_also_chooses_a_network_is_prepared(capsys, tmp_path):
    (tmp_path / "none").mkdir()
    assert main(["prepare", "experiment=me_completion", "data.source.root=none"]) == 2
    assert "must hold mesh files" in capsys.readouterr().err, "as far as the meshes, which are not here"
