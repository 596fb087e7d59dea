"""completion complete: scans in, voxels and points out, in the scan's own coordinates; broken files."""

import errno
import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from completion.cli.complete import Job, result_names
from completion.cli.main import main
from completion.data.ply_writer import save_ply
from completion.data.readers import read_mesh, read_points

UTM = np.array([448262.31, 5411932.77, 113.5])


def half_ball(num_points: int = 600, radius: float = 1.7) -> np.ndarray:
    """The upper front of a sphere, float64 `[N, 3]`."""
    points = np.random.default_rng(0).normal(size=(num_points, 3))
    points *= radius / np.linalg.norm(points, axis=1, keepdims=True)
    points[:, 2] = np.abs(points[:, 2])
    return points


def complete(run_folder, *overrides: str) -> int:
    return main(["complete", f"run={run_folder}", *overrides])


def archive(path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def test_results_lie_where_the_scan_lies(run_folder, tmp_path):
    points = half_ball() + UTM
    save_ply(tmp_path / "scan.ply", points)
    assert complete(run_folder, "input=scan.ply", "output=done") == 0
    names = ["scan.npz", "scan_points.ply", "scan_voxels.ply"]
    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == names
    made = archive(tmp_path / "done" / "scan.npz")
    assert made["points"].dtype == np.float64 and len(made["points"]) == len(made["coords"]) > 0
    assert int(made["num_input_points"]) == 600
    # The network is untrained, but whatever it makes lies inside the grid, and the grid around the scan.
    side = made["voxel_size"] * made["resolution"]
    assert 3.4 < side < 3.4 * 1.5
    assert np.abs(made["points"] - points.mean(0)).max() < side
    centres = (made["coords"] + 0.5) * made["voxel_size"] + made["origin"]
    np.testing.assert_allclose(made["points"], centres @ made["rotation"], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(read_points(tmp_path / "done" / "scan_points.ply").points, made["points"])
    assert (made["probability"] >= 0).all() and (made["probability"] <= 1).all()


def test_input_voxels_are_those_of_the_scan(run_folder, tmp_path):
    points = half_ball() + UTM
    save_ply(tmp_path / "scan.ply", points)
    assert complete(run_folder, "input=scan.ply", "output=done") == 0
    made = archive(tmp_path / "done" / "scan.npz")
    cells = np.floor((points @ made["rotation"].T - made["origin"]) / made["voxel_size"]).astype(int)
    expected = {tuple(cell) for cell in cells.tolist() if min(cell) >= 0 and max(cell) < 16}
    assert {tuple(cell) for cell in made["partial_coords"].tolist()} == expected
    assert int(made["num_outside"]) == sum(min(cell) < 0 or max(cell) > 15 for cell in cells.tolist())


def test_voxel_mesh_is_a_cube_per_voxel(run_folder, tmp_path):
    save_ply(tmp_path / "scan.ply", half_ball() + UTM)
    assert complete(run_folder, "input=scan.ply", "output=done", "up=[0,0,1]") == 0
    made = archive(tmp_path / "done" / "scan.npz")
    mesh = read_mesh(tmp_path / "done" / "scan_voxels.ply")
    corners = mesh.vertices.reshape(-1, 8, 3)
    np.testing.assert_allclose(corners.mean(1), made["points"], rtol=0, atol=1e-8)
    triangles = mesh.vertices[mesh.faces] - UTM
    volume = np.einsum("ij,ij->i", triangles[:, 0], np.cross(triangles[:, 1], triangles[:, 2])).sum() / 6
    assert volume == pytest.approx(len(corners) * made["voxel_size"] ** 3, rel=1e-4)


def test_moving_scaling_and_turning_the_scan_moves_the_result_along(run_folder, tmp_path):
    points = half_ball()
    turned = points[:, [0, 2, 1]] * [1, -1, 1]  # y up → z up
    save_ply(tmp_path / "a.ply", points)
    save_ply(tmp_path / "b.ply", 1000 * turned + UTM)
    assert complete(run_folder, "input=a.ply", "output=done") == 0
    assert complete(run_folder, "input=b.ply", "output=done", "up=[0,0,1]") == 0
    one, other = archive(tmp_path / "done" / "a.npz"), archive(tmp_path / "done" / "b.npz")
    np.testing.assert_array_equal(one["coords"], other["coords"])
    expected = 1000 * one["points"][:, [0, 2, 1]] * [1, -1, 1] + UTM
    np.testing.assert_allclose(other["points"], expected, rtol=0, atol=1e-5)


def test_a_folder_goes_on_past_broken_files(run_folder, tmp_path, capsys):
    scans = tmp_path / "scans"
    (scans / "sub").mkdir(parents=True)
    save_ply(scans / "good.ply", half_ball())
    np.savetxt(scans / "sub" / "text.xyz", half_ball())
    (scans / "cut.ply").write_bytes((scans / "good.ply").read_bytes()[:400])
    (scans / "notes.md").write_text("no scan")
    np.save(scans / "one.npy", np.zeros((5, 3)))
    (scans / "empty.obj").write_text("")
    (scans / "bad.stl").write_bytes(b"\0" * 80 + struct.pack("<I", 7))
    assert complete(run_folder, f"input={scans}", "output=done") == 0
    printed = capsys.readouterr().out
    assert "completed 2 of 6 scans" in printed
    for name in ("cut.ply", "empty.obj", "bad.stl"):
        assert any("skipped" in line and name in line for line in printed.splitlines()), name
    assert f"skipped {scans / 'one.npy'}: Frame.from_partial: points must be" in printed
    assert len([line for line in printed.splitlines() if "skipped" in line]) == 4
    assert len(list((tmp_path / "done").glob("*.npz"))) == 2
    assert not [path for path in (tmp_path / "done").iterdir() if path.name.startswith(".")]


def test_files_that_differ_in_their_ending_do_not_overwrite_each_other(run_folder, tmp_path):
    (tmp_path / "scans").mkdir()
    save_ply(tmp_path / "scans" / "a.ply", half_ball())
    np.save(tmp_path / "scans" / "a.npy", half_ball())
    assert complete(run_folder, "input=scans", "output=done") == 0
    assert len(list((tmp_path / "done").glob("*.npz"))) == 2


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a.ply", "b.txt", "sub/a.ply"], ["a", "b", "sub__a"]),
        (["a.ply", "a.txt", "b.txt"], ["a_ply", "a_txt", "b"]),
        (["a.txt", "a.xyz", "a_txt.csv", "a_xyz.asc"], ["a_txt", "a_xyz", "a_txt_csv", "a_xyz_asc"]),
        (["a.txt", "a.xyz", "a_txt.csv", "a_txt_csv.pts"], ["a_txt", "a_xyz", "a_txt_csv", "a_txt_csv_pts"]),
    ],
)
def test_no_two_scans_share_the_name_of_their_results(files, names):
    assert result_names([Path(name) for name in files]) == names


@pytest.mark.parametrize(
    ("name", "contents", "words"),
    [
        ("missing.ply", None, "missing.ply"),
        ("cut.ply", b"ply\nformat ascii 1.0\nelement vertex 9\n", "cut.ply"),
        ("empty.xyz", b"", "empty.xyz"),
        ("one.xyz", b"1 2 3\n", "two distinct"),
        ("scan.jpg", b"JFIF", "scan.jpg"),
    ],
)
def test_a_broken_file_is_one_sentence(run_folder, tmp_path, capsys, name, contents, words):
    if contents is not None:
        (tmp_path / name).write_bytes(contents)
    assert complete(run_folder, f"input={name}", "output=done") == 2
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1 and "Traceback" not in message
    assert not (tmp_path / "done").exists() or not list((tmp_path / "done").iterdir())


def test_wrong_up_is_one_sentence(run_folder, tmp_path, capsys):
    save_ply(tmp_path / "scan.ply", half_ball())
    assert complete(run_folder, "input=scan.ply", "up=[0,0,0]") == 2
    assert "up must be three numbers" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["scan.ply", "scan.ply/below"])
def test_an_output_that_is_a_file_is_one_sentence_and_the_file_is_kept(run_folder, tmp_path, capsys, output):
    save_ply(tmp_path / "scan.ply", half_ball())
    before = (tmp_path / "scan.ply").read_bytes()
    assert complete(run_folder, "input=scan.ply", f"output={output}") == 2
    assert "output must be a folder, got the file scan.ply" in capsys.readouterr().err
    assert (tmp_path / "scan.ply").read_bytes() == before


def test_a_gpu_that_is_not_there_is_one_sentence(run_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    save_ply(tmp_path / "scan.ply", half_ball())
    assert complete(run_folder, "input=scan.ply", "device=cuda") == 2
    assert "device must be one this machine has, got 'cuda'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("up", "words"),
    [("abc", "up must be 3 numbers, got abc"), ("[0,1]", "up must be 3 numbers"), ("[0,0,0]", "not all 0")],
)
def test_a_wrong_up_is_told_once_for_a_folder(run_folder, tmp_path, capsys, up, words):
    for name in ("a", "b"):
        save_ply(tmp_path / "scans" / f"{name}.ply", half_ball())
    assert complete(run_folder, "input=scans", f"up={up}") == 2
    printed = capsys.readouterr()
    assert words in printed.err and "skipped" not in printed.out


def test_a_folder_goes_on_past_a_scan_that_memory_does_not_hold(run_folder, tmp_path, capsys, monkeypatch):
    (tmp_path / "scans").mkdir()
    for name in ("a", "b"):
        save_ply(tmp_path / "scans" / f"{name}.ply", half_ball())
    read_bytes = Path.read_bytes

    def refuse_one(path: Path) -> bytes:
        if path.name == "a.ply":
            raise MemoryError("Unable to allocate 7 TiB")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse_one)
    assert complete(run_folder, "input=scans", "output=done") == 0
    printed = capsys.readouterr().out
    assert "1/2 skipped scans/a.ply: Unable to allocate 7 TiB" in printed
    assert "completed 1 of 2 scans" in printed


def test_a_folder_of_one_broken_scan_names_it(run_folder, tmp_path, capsys):
    (tmp_path / "scans").mkdir()
    np.save(tmp_path / "scans" / "one.npy", np.zeros((5, 3)))
    assert complete(run_folder, "input=scans", "output=done") == 2
    assert "1/1 skipped scans/one.npy: Frame.from_partial" in capsys.readouterr().out


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    ("source", "output", "other"),
    [
        ("d/col.ply", "d", "col_points.ply"),
        ("d/col.ply", "d", "col.npz"),
        ("d/col.npz", "d", "b.npz"),
        ("d", "d", "b.npz"),
        ("d", "d/.", "b.npz"),
        ("d/sub", "d", "col_voxels.ply"),
    ],
)
def test_a_result_never_replaces_a_file_of_the_users(run_folder, tmp_path, capsys, source, output, other):
    folder = tmp_path / "d"
    for path in (folder / "col.ply", folder / "sub" / "col.ply"):
        save_ply(path, half_ball())
    for name in ("col.npz", other) if source.endswith("npz") else (other,):
        with open(folder / name, "wb") as file:
            np.savez(file, points=half_ball())
    before = contents(folder)
    assert complete(run_folder, f"input={source}", f"output={output}") == 2
    message = capsys.readouterr().err
    assert "complete: output must be" in message and "name another" in message and message.count("\n") == 1
    assert contents(folder) == before


def test_an_earlier_result_that_is_the_scan_is_kept(run_folder, tmp_path, capsys):
    save_ply(tmp_path / "scan.ply", half_ball())
    assert complete(run_folder, "input=scan.ply", "output=done") == 0
    before = contents(tmp_path / "done")
    assert complete(run_folder, "input=done/scan.npz", "output=done") == 2
    assert "got done/scan.npz in the way" in capsys.readouterr().err
    assert contents(tmp_path / "done") == before


def test_earlier_results_are_replaced_also_beside_the_scan(run_folder, tmp_path):
    save_ply(tmp_path / "d" / "col.ply", half_ball())
    assert complete(run_folder, "input=d/col.ply", "output=d") == 0
    before = contents(tmp_path / "d")
    assert {path.name for path in Job(tmp_path, tmp_path / "col").results} == before.keys() - {"col.ply"}
    save_ply(tmp_path / "d" / "col.ply", half_ball(500))
    assert complete(run_folder, "input=d/col.ply", "output=d") == 0
    after = contents(tmp_path / "d")
    assert (
        after.keys() == before.keys() and int(archive(tmp_path / "d" / "col.npz")["num_input_points"]) == 500
    )


def test_results_below_the_input_are_no_scans(run_folder, tmp_path, capsys):
    for name in ("a", "sub/b"):
        save_ply(tmp_path / "scans" / f"{name}.ply", half_ball())
    for _ in range(2):
        assert complete(run_folder, "input=scans", "output=scans/completed") == 0
        assert "completed 2 of 2 scans" in capsys.readouterr().out
    assert len(contents(tmp_path / "scans" / "completed")) == 6


def test_results_of_an_earlier_output_are_no_scans(run_folder, tmp_path, capsys):
    save_ply(tmp_path / "scans" / "a.ply", half_ball())
    for output in ("scans/one", "scans/two", "three"):
        assert complete(run_folder, "input=scans", f"output={output}") == 0
        assert "completed 1 of 1 scans" in capsys.readouterr().out
    assert complete(run_folder, "input=three", "output=four") == 2
    assert "input must hold scans, got results of this command alone" in capsys.readouterr().err


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("far", [1e300, 1e25])
def test_a_stray_point_out_of_all_measure_is_told_without_a_warning(run_folder, tmp_path, capsys, far):
    np.save(tmp_path / "scan.npy", np.concatenate([half_ball(2000), [[far, 0, -far]]]))
    assert complete(run_folder, "input=scan.npy", "output=done") == 0
    printed = capsys.readouterr().out
    assert ("dropped 1 of 2001 rows" if far == 1e300 else "stray points left out") in printed


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="nobody, root included, writes into Linux's /proc"
)
def test_an_output_that_cannot_be_written_is_told_before_anything_is_completed(
    run_folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("completion.training.complete.complete_scan", pytest.fail)
    save_ply(tmp_path / "scans" / "a.ply", half_ball())
    assert complete(run_folder, "input=scans", "output=/proc/below/done") == 2
    message = capsys.readouterr().err
    assert "output must be a folder that can be written, got /proc/below/done (" in message
    assert message.count("\n") == 1


def test_a_full_disk_is_the_outputs_fault_and_ends_the_call(run_folder, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", ".part-of-a-result")

    monkeypatch.setattr("completion.training.complete.save_completed", full)
    for name in ("a", "b"):
        save_ply(tmp_path / "scans" / f"{name}.ply", half_ball())
    assert complete(run_folder, "input=scans", "output=done") == 2
    printed = capsys.readouterr()
    assert "got done (No space left on device) at the results of scans/a.ply; make room" in printed.err
    assert "skipped" not in printed.out and "input must hold" not in printed.err


def test_lines_fit_a_terminal_that_knows_ascii_alone(run_folder, tmp_path, monkeypatch):
    save_ply(tmp_path / "scans" / "é.ply", half_ball())
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert complete(run_folder, "input=scans", "output=done") == 0
    terminal.seek(0)
    printed = terminal.read()
    assert "\\xe9.ply: 600 points -> " in printed and "completed 1 of 1 scans" in printed
