"""Folders of meshes: with and without a manifest, divided by group, turned to y up, broken files told."""

import json
import os

import numpy as np
import pytest

from completion.data.camera import DepthCamera
from completion.data.mesh_folder import MeshFolder
from completion.data.prepare import Preparation
from completion.data.shape import Mesh


def write_off(path, mesh: Mesh) -> None:
    """Writes a small OFF file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["OFF", f"{len(mesh.vertices)} {len(mesh.faces)} 0"]
    lines += [" ".join(map(repr, row)) for row in mesh.vertices.tolist()]
    lines += ["3 " + " ".join(map(str, row)) for row in mesh.faces.tolist()]
    path.write_text("\n".join(lines))


@pytest.fixture
def root(tmp_path, table):
    """Three categories with meshes, and files that are none."""
    root = tmp_path / "my meshes"
    for name in ("chair/a.off", "chair/b.OFF", "car/train/a.off", "lone.off", "car/.hidden.off"):
        write_off(root / name, table)
    (root / "readme.txt").write_text("1 2 3")
    return root


def test_finds_meshes_in_all_folders(root):
    items = {item.path.relative_to(root).as_posix(): item for item in MeshFolder(root).items()}
    assert sorted(items) == ["car/train/a.off", "chair/a.off", "chair/b.OFF", "lone.off"]
    assert items["chair/a.off"].category == "chair"
    assert items["car/train/a.off"].category == "car"
    assert items["lone.off"].category == "my meshes"
    assert items["chair/a.off"].group == "chair/a"
    assert len({item.name for item in items.values()}) == 4
    assert all("/" not in item.name for item in items.values())


def test_a_manifest_says_what_there_is(root):
    (root / "manifest.csv").write_text(
        "path,category,group,other\n"
        "chair/a.off,seat,g1,x\nmy meshes/lone.off,single,g1,y\nnotes.txt,none,g2,z\n"
    )
    items = MeshFolder(root).items()
    assert [(item.category, item.group) for item in items] == [("seat", "g1"), ("single", "g1")]
    assert [item.path.name for item in items] == ["a.off", "lone.off"]
    assert len({item.split for item in items}) == 1
    (root / "manifest.csv").write_text("path,category\nchair/a.off,seat\n")
    with pytest.raises(ValueError, match=r"manifest\.csv must have columns .* got no group"):
        MeshFolder(root).items()


def test_splits_stay_when_files_come(root, table):
    for number in range(40):
        write_off(root / "many" / f"{number}.off", table)
    before = {item.name: item.split for item in MeshFolder(root).items()}
    for number in range(40, 60):
        write_off(root / "many" / f"{number}.off", table)
    after = {item.name: item.split for item in MeshFolder(root).items()}
    assert {name: after[name] for name in before} == before
    assert {"train", "validation", "test"} == set(after.values())


def test_a_limit_takes_the_same_ones_each_time(root, table):
    for number in range(30):
        write_off(root / "many" / f"{number}.off", table)
    names = [item.name for item in MeshFolder(root, limit=5).items()]
    assert len(names) == 5
    assert names == [item.name for item in MeshFolder(root, limit=5).items()]
    assert set(names) <= {item.name for item in MeshFolder(root, limit=10).items()}
    with pytest.raises(ValueError, match="limit must be at least 1"):
        MeshFolder(root, limit=0)


def test_turns_z_up_to_y_up(root, table):
    source = MeshFolder(root, up=(0, 0, 1))
    mesh = source.load(source.items()[0])
    np.testing.assert_allclose(mesh.vertices, table.vertices[:, [0, 2, 1]] * [1, 1, -1], atol=1e-12)


def test_the_fingerprint_follows_files_and_arguments(root, table):
    first = MeshFolder(root).fingerprint()
    assert MeshFolder(root).fingerprint() == first
    assert MeshFolder(root, seed=1).fingerprint() != first
    assert MeshFolder(root, up=(0, 0, 1)).fingerprint() != first
    write_off(root / "chair" / "c.off", table)
    assert MeshFolder(root).fingerprint() != first


def test_an_empty_or_missing_folder_says_what_was_looked_for(tmp_path):
    with pytest.raises(ValueError, match=r"must hold mesh files \(\.ply \.obj \.stl \.off \.glb \.gltf\)"):
        MeshFolder(tmp_path).items()
    with pytest.raises(FileNotFoundError, match="root must be an existing folder"):
        MeshFolder(tmp_path / "missing").items()


def test_a_broken_mesh_is_skipped_and_told(root, tmp_path):
    (root / "chair" / "broken.off").write_text("OFF\n3 1 0\n0 0 0\n1 0 zero\n")
    (root / "chair" / "cloud.ply").write_text(
        "ply\nformat ascii 1.0\nelement vertex 1\n"
        "property float x\nproperty float y\nproperty float z\nend_header\n0 0 0\n"
    )
    preparation = Preparation(
        tmp_path / "cache", 16, views=1, num_points=50, camera=DepthCamera(resolution=32)
    )
    prepared = preparation.run(MeshFolder(root))
    reasons = {skipped.name: skipped.reason for skipped in prepared.skipped}
    assert sum(prepared.counts.values()) == 4
    assert "broken.off must hold 3 vertex and 1 face lines" in reasons["chair__broken.off"]
    assert "must have faces, got 1 points alone" in reasons["chair__cloud.ply"]


def test_the_collection_of_the_developers(shared_dir):
    source = MeshFolder(shared_dir / "data" / "shapes", limit=40)
    items = source.items()
    assert len(items) == 40
    assert len({item.category for item in items}) > 10
    assert all(item.path.is_file() for item in items)


def test_an_empty_manifest_is_told(root):
    (root / "manifest.csv").write_text("")
    with pytest.raises(ValueError, match=r"manifest\.csv must have columns path, category, group in line 1"):
        MeshFolder(root).items()


def test_the_fingerprint_follows_the_buffers_of_a_gltf(root):
    (root / "chair" / "d.gltf").write_text(json.dumps({"buffers": [{"uri": "d.bin"}]}))
    first = MeshFolder(root).fingerprint()
    (root / "chair" / "d.bin").write_bytes(b"1234")
    assert MeshFolder(root).fingerprint() != first


def test_a_path_that_a_manifest_names_twice_counts_once(root):
    (root / "manifest.csv").write_text(
        "path,category,group\nchair/a.off,x,g1\nchair/a.off,y,g2\nlone.off,z,g3\n"
    )
    assert [(item.category, item.group) for item in MeshFolder(root).items()] == [("x", "g1"), ("z", "g3")]


def test_the_spelling_of_the_folder_does_not_matter(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    assert MeshFolder("my meshes").fingerprint() == MeshFolder(root).fingerprint()


def test_what_a_run_completed_is_no_shape_to_learn_from(root, table):
    before = [item.name for item in MeshFolder(root).items()]
    run = root / "runs" / "train"
    write_off(run / "completed" / "scan_voxels.off", table)
    assert len(MeshFolder(root).items()) == len(before) + 1, "any folder of meshes"
    (run / "checkpoints").mkdir()
    (run / "config.yaml").write_text("model: {}")
    assert [item.name for item in MeshFolder(root).items()] == before
    assert [item.name for item in MeshFolder(run / "completed").items()] == ["scan_voxels.off"], "asked for"


def test_folders_behind_links_are_searched_once(root, table):
    before = [item.path for item in MeshFolder(root).items()]
    write_off(root.parent / "elsewhere" / "deep" / "d.off", table)
    for name, target in (
        ("far", root.parent / "elsewhere"),
        ("far_again", root.parent / "elsewhere"),
        ("near", root / "chair"),
        ("loop", root.parent),
        ("itself", root),
        ("nowhere", root / "missing"),
    ):
        (root / name).symlink_to(target)
    (root.parent / "elsewhere" / "up").symlink_to(root.parent)
    found = [item.path for item in MeshFolder(root).items()]
    assert sorted(found) == sorted([*before, root / "far" / "deep" / "d.off"])
    (root / "a_part").symlink_to(root.parent / "elsewhere" / "deep")
    found = [item.path for item in MeshFolder(root).items()]
    assert sorted(found) == sorted([*before, root / "a_part" / "d.off"]), "once, though in two ways"


def test_a_folder_without_rights_is_passed_over(root, table, monkeypatch):
    before = [item.name for item in MeshFolder(root).items()]
    write_off(root / "locked" / "e.off", table)
    look, listing = os.stat, os.scandir

    def refused(call):
        def ask(path, *rest, **more):
            inside = (
                os.fspath(path) == str(root / "locked") if call is listing else "locked/" in os.fspath(path)
            )
            if inside:
                raise PermissionError(13, "Permission denied", path)
            return call(path, *rest, **more)

        return ask

    monkeypatch.setattr(os, "stat", refused(look))
    monkeypatch.setattr(os, "scandir", refused(listing))
    assert [item.name for item in MeshFolder(root).items()] == before


def test_a_manifest_without_meshes_is_named(root):
    (root / "manifest.csv").write_text("path,category,group\nreadme.txt,,\n")
    with pytest.raises(ValueError, match=r"manifest.csv must list meshes .* got none; fill it in"):
        MeshFolder(root).items()


def test_a_name_that_is_not_utf8_is_taken(root, table):
    write_off(root / os.fsdecode(b"bad\xff.off"), table)
    names = [item.name for item in MeshFolder(root).items()]
    assert len(set(names)) == 5 and all(name.isascii() for name in names)
