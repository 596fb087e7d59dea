"""Preparation: cached, the same on every run and with workers, and one bad item spoils nothing."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from completion.data.camera import DepthCamera
from completion.data.dataset import PreparedDataset
from completion.data.mesh_folder import MeshFolder
from completion.data.ply_writer import save_ply
from completion.data.prepare import Preparation
from completion.data.sample import Sample
from completion.data.shape import Item, Mesh, Pair, Points
from completion.data.toy import ToyShapes
from completion.data.toy.parts import box

CAMERA = DepthCamera(resolution=48)


def preparation(folder, **changes) -> Preparation:
    """A quick one."""
    arguments = {"resolution": 32, "views": 1, "num_points": 200, "camera": CAMERA} | changes
    return Preparation(folder, **arguments)


class Boxes:
    """Three boxes; those named in `broken` cannot be loaded. Counts its loads."""

    name = "My boxes!"

    def __init__(self, broken: tuple[str, ...] = ()) -> None:
        self.broken = broken
        self.loads = 0

    def items(self) -> list[Item]:
        splits = {"a": "train", "b": "validation", "c": "test"}
        return [Item(name, "box", name, split) for name, split in splits.items()]

    def load(self, item: Item) -> Mesh:
        self.loads += 1
        if item.name in self.broken:
            raise ValueError(f"read: {item.name}.ply must hold faces at byte 7, got none")
        return box((0, 0, 0), (1, 2, 3))

    def fingerprint(self) -> str:
        return f"boxes {self.broken}"


def bytes_of(folder) -> dict[str, bytes]:
    """All files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_layout_counts_and_a_second_call_that_loads_nothing(tmp_path):
    source = Boxes()
    seen = []
    prepared = preparation(tmp_path, views=2).run(source, progress=lambda *step: seen.append(step))
    assert prepared.counts == {"train": 2, "validation": 2, "test": 2}
    assert prepared.path.parent == tmp_path
    assert prepared.path.name.startswith("my_boxes-")
    assert sorted(bytes_of(prepared.path)) == [
        "index.json",
        *(
            f"{split}/{name}_{view}.npz"
            for split, name in [("test", "c"), ("train", "a"), ("validation", "b")]
            for view in (0, 1)
        ),
    ]
    assert seen == [(1, 3, "a"), (2, 3, "b"), (3, 3, "c")]
    assert preparation(tmp_path, views=2).run(source) == prepared
    assert source.loads == 3
    assert [sample.name for sample in PreparedDataset(prepared.path, "test")] == ["c", "c"]


def test_runs_are_equal_byte_for_byte_with_and_without_workers(tmp_path):
    source = ToyShapes(0, 3, 1, 1)
    first = preparation(tmp_path / "1").run(source).path
    second = preparation(tmp_path / "2").run(source).path
    parallel = preparation(tmp_path / "3", workers=2).run(source).path
    assert first.name == second.name == parallel.name
    assert bytes_of(first) == bytes_of(second) == bytes_of(parallel)


def test_whatever_matters_names_another_folder(tmp_path):
    source = Boxes()
    changes = [{}, {"resolution": 16}, {"margin": 1.5}, {"views": 2}, {"num_points": 99}, {"seed": 1}]
    changes += [{"camera": DepthCamera(resolution=32)}]
    folders = {preparation(tmp_path, **change).folder(source) for change in changes}
    folders.add(preparation(tmp_path).folder(Boxes(broken=("a",))))
    assert len(folders) == len(changes) + 1
    assert preparation(tmp_path, workers=2).folder(source) == preparation(tmp_path).folder(source)
    assert preparation(tmp_path, margin=1).folder(source) == preparation(tmp_path, margin=1.0).folder(source)


def test_a_broken_item_is_skipped_with_its_name_and_reason(tmp_path):
    prepared = preparation(tmp_path).run(Boxes(broken=("b",)))
    assert prepared.counts == {"train": 1, "validation": 0, "test": 1}
    (skipped,) = prepared.skipped
    assert skipped.name == "b"
    assert "b.ply must hold faces at byte 7" in skipped.reason
    index = json.loads((prepared.path / "index.json").read_text())
    assert index["skipped"] == [{"name": "b", "reason": skipped.reason}]
    assert preparation(tmp_path).run(Boxes(broken=("b",))).skipped == [skipped]


def test_nothing_usable_is_an_error_with_the_reasons_and_leaves_nothing(tmp_path):
    with pytest.raises(
        ValueError, match=r"source must hold a usable shape, got none \(a: ValueError: read: a.ply"
    ):
        preparation(tmp_path).run(Boxes(broken=("a", "b", "c")))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_leaves_nothing_and_the_next_one_works(tmp_path):
    def stop(done: int, total: int, name: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preparation(tmp_path).run(Boxes(), progress=stop)
    assert list(tmp_path.iterdir()) == []
    assert preparation(tmp_path).run(Boxes()).counts["train"] == 1


def test_what_a_killed_run_left_goes_with_the_next_preparation(tmp_path):
    """Killed in a process of its own, which leaves no time to tidy up."""
    code = (
        "import os, signal, sys\nfrom completion.data.prepare import Preparation\n"
        "from completion.data.toy import ToyShapes\n"
        "def stop(done, total, name):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "Preparation(sys.argv[1], 16, views=1, num_points=50).run(ToyShapes(0, 2, 0, 0), stop)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (left,) = tmp_path.iterdir()
    assert ended.returncode == -signal.SIGKILL and left.name.startswith(".part-")
    prepared = preparation(tmp_path).run(Boxes())
    assert list(tmp_path.iterdir()) == [prepared.path]


def test_two_runs_at_once_share_the_result_of_the_first(tmp_path):
    """The second run begins and ends while the first is at work; the first then finds the folder there."""
    inner = []

    def meanwhile(done: int, total: int, name: str) -> None:
        if done == 1 and not inner:
            inner.append(None)
            inner.append(preparation(tmp_path).run(Boxes()))

    outer = preparation(tmp_path).run(Boxes(), progress=meanwhile)
    assert outer == inner[1]
    assert [path.name for path in tmp_path.iterdir()] == [outer.path.name]


def test_the_default_margin_keeps_the_truth_inside(tmp_path):
    """At least 97 % of the truth voxels on average, over toy shapes of all categories."""
    prepared = preparation(tmp_path, views=2, camera=DepthCamera(resolution=96)).run(ToyShapes(5, 42, 0, 0))
    shares = []
    for sample in PreparedDataset(prepared.path, "train"):
        shares.append(len(sample.complete_coords) / (len(sample.complete_coords) + sample.num_clipped))
    assert len(shares) == 84
    assert np.mean(shares) >= 0.97


@pytest.mark.parametrize(
    "change", [{"views": 0}, {"resolution": 0}, {"num_points": 0}, {"workers": -1}, {"seed": -1}]
)
def test_refuses_impossible_numbers(tmp_path, change):
    with pytest.raises(ValueError, match=f"Preparation: {next(iter(change))} must be at least"):
        preparation(tmp_path, **change)


def test_refuses_voxels_that_the_engine_cannot_number(tmp_path):
    assert preparation(tmp_path, resolution=32768).resolution == 32768
    with pytest.raises(ValueError, match="Preparation: resolution must be at most 32768, got 32769"):
        preparation(tmp_path, resolution=32769)


def test_a_folder_without_its_index_is_made_anew(tmp_path):
    prepared = preparation(tmp_path).run(Boxes())
    (prepared.path / "index.json").unlink()
    (prepared.path / "train" / "old.npz").touch()
    assert preparation(tmp_path).run(Boxes()) == prepared
    assert not (prepared.path / "train" / "old.npz").exists()


@pytest.mark.parametrize(
    "index", ["", "{", "[]", '{"items": []}', '{"items": [{"name": "a"}], "skipped": []}']
)
def test_a_broken_index_is_made_anew(tmp_path, index):
    prepared = preparation(tmp_path).run(Boxes())
    whole = bytes_of(prepared.path)
    (prepared.path / "index.json").write_text(index)
    assert preparation(tmp_path).run(Boxes()) == prepared
    assert bytes_of(prepared.path) == whole


@pytest.mark.parametrize("gone", ["train/a_0.npz", "test"])
def test_missing_samples_are_made_anew(tmp_path, gone):
    prepared = preparation(tmp_path).run(Boxes())
    whole = bytes_of(prepared.path)
    (prepared.path / gone).rename(tmp_path / "gone")
    source = Boxes()
    assert preparation(tmp_path).run(source) == prepared
    assert bytes_of(prepared.path) == whole and source.loads == 3


def test_what_a_damaged_sample_advises_mends_it(tmp_path):
    prepared = preparation(tmp_path).run(Boxes())
    path = prepared.path / "train" / "a_0.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match="remove it and prepare the data again"):
        Sample.load(path)
    path.unlink()
    preparation(tmp_path).run(Boxes())
    assert path.read_bytes() == whole


class Refused(Boxes):
    """Boxes of which the system refuses one, as often as `errors` tells."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)

    def load(self, item: Item) -> Mesh:
        mesh = super().load(item)
        if item.name == "b" and self.errors:
            raise self.errors.pop(0)
        return mesh


@pytest.mark.parametrize("error", [PermissionError(13, "no rights"), MemoryError("none"), RuntimeError("x")])
def test_what_the_system_refuses_is_tried_again(tmp_path, error):
    wanted = preparation(tmp_path / "wanted").run(Boxes())
    source = Refused(error, error)
    for loads in (3, 4):
        prepared = preparation(tmp_path).run(source)
        assert prepared.counts == {"train": 1, "validation": 0, "test": 1} and source.loads == loads
        (skipped,) = prepared.skipped
        assert skipped.name == "b" and skipped.reason.startswith(type(error).__name__)
        assert skipped.reason.endswith("; the next preparation tries it again")
    seen = []
    prepared = preparation(tmp_path).run(source, progress=lambda *step: seen.append(step))
    assert (prepared.counts, prepared.skipped) == (wanted.counts, [])
    assert source.loads == 5 and seen == [(1, 1, "b")]
    assert bytes_of(prepared.path) == bytes_of(wanted.path)
    assert preparation(tmp_path).run(source) == prepared and source.loads == 5


def test_what_is_refused_again_changes_nothing_and_a_folder_that_cannot_be_written_serves(
    tmp_path, monkeypatch
):
    errors = [PermissionError(13, "no rights") for _ in range(2)]
    source = Refused(*errors)
    prepared = preparation(tmp_path).run(source)
    index = prepared.path / "index.json"
    before = index.stat().st_ino
    assert preparation(tmp_path).run(source) == prepared and index.stat().st_ino == before

    def refuse(*_args, **_more):
        raise PermissionError(13, "read-only")

    monkeypatch.setattr("completion.data.prepare.write_index", refuse)
    assert preparation(tmp_path).run(source) == prepared


def test_what_another_run_made_meanwhile_stays(tmp_path):
    """Both saw that an item was to be tried again; one after the other tries it."""
    source = Refused(PermissionError(13, "no rights"))
    folder = preparation(tmp_path).run(source).path
    made = preparation(tmp_path).run(source)
    assert made.skipped == []
    preparation(tmp_path)._try_again(folder, Refused(PermissionError(13, "no rights")), None)
    assert preparation(tmp_path).run(source) == made


def test_a_file_without_rights_is_used_when_it_has_them(tmp_path, monkeypatch):
    for number in range(3):
        mesh = box((0, 0, 0), (1, 2, 3 + number))
        save_ply(tmp_path / "meshes" / f"{number}.ply", mesh.vertices, faces=mesh.faces)
    read_bytes = Path.read_bytes

    def refuse_one(path: Path) -> bytes:
        if path.name == "1.ply":
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    source = MeshFolder(tmp_path / "meshes")
    with monkeypatch.context() as context:
        context.setattr(Path, "read_bytes", refuse_one)
        assert [entry.name for entry in preparation(tmp_path).run(source).skipped] == ["1.ply"]
    prepared = preparation(tmp_path).run(source)
    assert prepared.skipped == [] and sum(prepared.counts.values()) == 3


class Changed(Boxes):
    """Boxes whose files were not read as they are; the last one brings its own scan."""

    def load(self, item: Item) -> Mesh | Pair:
        mesh = super().load(item)
        if item.name == "c":
            return Pair(Points(mesh.vertices, note="dropped 1 of 9 rows"), mesh)
        return Mesh(mesh.vertices, mesh.faces, "dropped 2 faces" if item.name == "a" else "")


@pytest.mark.parametrize("workers", [0, 2])
def test_what_reading_changed_is_noted(tmp_path, workers):
    prepared = preparation(tmp_path, workers=workers).run(Changed(broken=("b",)))
    assert [skipped.name for skipped in prepared.skipped] == ["b"]
    assert prepared.counts == {"train": 1, "validation": 0, "test": 1}
    assert [(noted.name, noted.note) for noted in prepared.noted] == [
        ("a", "dropped 2 faces"),
        ("c", "scan: dropped 1 of 9 rows"),
    ]
    assert preparation(tmp_path).run(Changed(broken=("b",))) == prepared


def test_a_folder_prepared_before_notes_were_kept_is_whole(tmp_path):
    prepared = preparation(tmp_path).run(Boxes())
    path = prepared.path / "index.json"
    index = json.loads(path.read_text())
    del index["noted"]
    path.write_text(json.dumps(index))
    source = Boxes()
    assert preparation(tmp_path).run(source) == prepared and source.loads == 0
