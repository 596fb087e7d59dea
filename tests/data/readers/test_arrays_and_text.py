"""Points as text and as numpy files: headers, separators, keys, and what is refused."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from completion.data.readers import arrays, read_mesh, read_points, read_shape

WANTED = [[1.0, 2.0, 3.0], [4.5, -5.0, 6e3]]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.xyz", "1 2 3\n4.5 -5 6e3\n"),
        ("a.XYZ", "# x y z\n1 2 3 255 0 0\n\n// more\n4.5\t-5\t6e3\t0\t0\t0\n"),
        ("a.txt", "1;2;3\r\n4.5;-5;6e3\r\n"),
        ("a.csv", "x,y,z\n1,2,3\n4.5,-5,6e3\n"),
        ("a.csv", "\ufeffid, Z, X, Y\na, 3, 1, 2\nb, 6e3, 4.5, -5\n"),
        ("a.csv", "1,2,3,\n4.5,-5,6e3,\n"),
        ("a.pts", "2\n1 2 3\n4.5 -5 6e3\n"),
        ("a.asc", "1 2 3\n4.5 -5 6e3"),
    ],
)
def test_text_in_its_many_dresses(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert read_points(tmp_path / name).points.tolist() == WANTED


def test_a_count_tells_of_missing_rows(tmp_path):
    (tmp_path / "a.pts").write_text("3\n1 2 3\n4.5 -5 6e3\n")
    with pytest.raises(ValueError, match=r"a\.pts must hold the 3 rows of its count .*, got 2"):
        read_points(tmp_path / "a.pts")


def test_text_with_empty_cells_and_normals(tmp_path):
    (tmp_path / "a.csv").write_text("x,y,z,nx,ny,nz\n1,2,3,0,0,1\n4,,6,0,1,0\n")
    shape = read_points(tmp_path / "a.csv")
    assert shape.points.tolist() == [[1, 2, 3]]
    assert shape.normals.tolist() == [[0, 0, 1]]
    assert shape.note == "dropped 1 of 2 rows with NaN, infinity or numbers beyond 1e+30"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lines of three numbers"),
        ("a,b,c\n1,2,3\n", "numbers, or a header with x, y, z at line 1"),
        ("1 2 3\n4 5\n", "three numbers at line 2, got '4 5'"),
        ("1 2 3\n# note\n4 five 6\n", "three numbers at line 3, got '4 five 6'"),
        ("x y z\n", "numbers, or a header"),
        ("nan nan nan\n", "finite points"),
    ],
)
def test_text_faults_name_the_line(tmp_path, text, words):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.txt must hold {words}"):
        read_points(tmp_path / "a.txt")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
def test_npy_of_any_number(tmp_path, dtype):
    array = np.array([[1, 2, 3, 9], [4, 5, 6, 9]], dtype=dtype)
    for stored in (array, array[None], np.asfortranarray(array)):
        np.save(tmp_path / "a.npy", stored)
        assert read_points(tmp_path / "a.npy").points.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("key", ["points", "xyz", "pos", "data"])
def test_npz_with_known_keys(tmp_path, key):
    np.savez(tmp_path / "a.npz", other=np.zeros(2), **{key: np.array(WANTED)})
    assert read_points(tmp_path / "a.npz").points.tolist() == WANTED


def test_npz_with_faces_or_in_a_unit_cube(tmp_path):
    np.savez(tmp_path / "a.npz", vertices=np.eye(3), faces=np.array([[0, 1, 2]], dtype=np.uint32))
    assert read_mesh(tmp_path / "a.npz").faces.tolist() == [[0, 1, 2]]
    np.savez(tmp_path / "b.npz", points=np.eye(3), normals=np.eye(3), loc=np.array([1.0, 0, 0]), scale=2.0)
    shape = read_points(tmp_path / "b.npz")
    assert shape.points.tolist() == [[3, 0, 0], [1, 2, 0], [1, 0, 2]]
    assert shape.normals.tolist() == np.eye(3).tolist()


def test_nothing_pickled_is_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was loaded",))

    np.save(tmp_path / "a.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", points=np.array([Trap()], dtype=object))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(ValueError, match=r"nothing pickled"):
            read_shape(tmp_path / name)


def test_array_faults(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((5, 2)))
    with pytest.raises(ValueError, match=r"numbers of shape \[N, 3\] at the array, got float64\[5, 2\]"):
        read_points(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", other=np.zeros((5, 3)))
    with pytest.raises(ValueError, match=r"one of points, xyz, .* at its keys, got \['other'\]"):
        read_points(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", vertices=np.eye(3), faces=np.zeros((1, 4), dtype=int))
    with pytest.raises(ValueError, match=r"integers \[F, 3\] at key faces"):
        read_points(tmp_path / "b.npz")
    np.save(tmp_path / "c.npy", np.zeros((0, 3)))
    with pytest.raises(ValueError, match="at least one point"):
        read_points(tmp_path / "c.npy")


def test_arrays_that_are_not_used_are_not_unpacked(tmp_path):
    """Packed, 160 MB of zeros take 160 KB."""
    np.savez_compressed(tmp_path / "a.npz", points=np.array(WANTED), other=np.zeros((2 * 10**7,)))
    tracemalloc.start()
    assert read_points(tmp_path / "a.npz").points.tolist() == WANTED
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_arrays_too_large_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "MOST_BYTES", 1000)
    np.savez_compressed(tmp_path / "a.npz", points=np.zeros((1000, 3)))
    with pytest.raises(ValueError, match=r"an array of at most 1000 bytes at key points, got 24128"):
        read_points(tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_headers_that_tell_of_more_than_there_is(tmp_path, name):
    """No memory is asked for, in whatever amount such a header tells of."""
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        array, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 3)}
    )
    (tmp_path / "a.npy").write_bytes(array.getvalue() + bytes(48))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.write(tmp_path / "a.npy", "points.npy")
    with pytest.raises(ValueError, match=rf"{name} must hold 24000000000000 bytes of float64\[.*, got 176"):
        read_shape(tmp_path / name)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.ply"])
@pytest.mark.parametrize("error", [PermissionError(13, "no rights"), MemoryError("none left")])
def test_what_the_system_refuses_is_no_fault_of_the_file(tmp_path, monkeypatch, name, error):
    def refuse(*_: object, **__: object) -> None:
        raise error

    (tmp_path / name).write_bytes(b"ply")
    for owner, function in ((np, "load"), (arrays, "_check_size"), (Path, "read_bytes")):
        monkeypatch.setattr(owner, function, refuse)
    with pytest.raises(type(error)):
        read_shape(tmp_path / name)


def test_velodyne_rows(tmp_path):
    np.array([[1, 2, 3, 0.5], [4, 5, 6, 0.1]], dtype="<f4").tofile(tmp_path / "a.bin")
    assert read_points(tmp_path / "a.bin").points.tolist() == [[1, 2, 3], [4, 5, 6]]
    (tmp_path / "a.bin").write_bytes(b"123")
    with pytest.raises(ValueError, match=r"rows of 16 bytes \(four float32\)"):
        read_points(tmp_path / "a.bin")


def test_map_coordinates_of_the_collection(shared_dir):
    shape = read_points(shared_dir / "data" / "formats" / "mesh_parsers" / "points_cloudcompare.xyz")
    assert shape.points.shape == (101, 3)
    assert shape.points[0].tolist() == [665187.522077, 5648349.895035, 241.767693]


def test_points_that_lie_across_are_refused(tmp_path):
    """One axis a row would be read as three points."""
    np.save(tmp_path / "a.npy", np.zeros((3, 500)))
    with pytest.raises(ValueError, match=r"numbers of shape \[N, 3\] at the array, got float64\[3, 500\]"):
        read_points(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.zeros((3, 9)))  # with colours and normals
    assert read_points(tmp_path / "a.npy").points.shape == (3, 3)
