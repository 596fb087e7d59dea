"""OBJ, OFF and STL: the ways people write them, and faults with their lines."""

import struct
import zipfile

import numpy as np
import pytest

from completion.data.readers import read_mesh, read_shape
from completion.data.shape import Points

SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"


@pytest.mark.parametrize(
    "faces",
    [
        "f 1 2 3 4",
        "f 1/1/1 2/2/2 3//3 4/4",
        "f -4 -3 -2 -1",
        "f 1 2 3\r\nf 1 3 4",
        "f 1 2 \\\n3 4",
        "# a comment\no name\ng group\nusemtl m\ns off\nvn 0 0 1\nvt 0 0\nf 1 2 3 4 # end",
    ],
)
def test_obj_ways_to_write_a_square(tmp_path, faces):
    (tmp_path / "a.obj").write_text(SQUARE + faces + "\n", newline="")
    mesh = read_mesh(tmp_path / "a.obj")
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_obj_negative_numbers_count_from_where_they_stand(tmp_path):
    (tmp_path / "a.obj").write_text(SQUARE + "f -4 -3 -2\nv 9 9 9\nf -1 -5 -4\n")
    assert read_mesh(tmp_path / "a.obj").faces.tolist() == [[0, 1, 2], [4, 0, 1]]


def test_obj_points_with_colours(tmp_path):
    (tmp_path / "a.obj").write_text("v 1 2 3 0.5 0.5 0.5\nv 4 5 6 1 1 1\n")
    shape = read_shape(tmp_path / "a.obj")
    assert isinstance(shape, Points)
    assert shape.points.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# nothing\n", "lines that begin with v"),
        ("v 1 2\n", r"three numbers after v at line 1, got 'v 1 2'"),
        (SQUARE + "f 1 2 x\n", "vertex numbers after f .* at line 5"),
        (SQUARE + "f 0 1 2\n", "vertex numbers after f .* at line 5"),
        (SQUARE + "f -5 1 2\n", "vertex numbers after f .* at line 5"),
        (SQUARE + "f 1 2 7\n", r"vertex numbers in 0…3 at triangle 0, got \[0, 1, 6\]"),
    ],
)
def test_obj_faults(tmp_path, text, words):
    (tmp_path / "a.obj").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.obj must hold {words}"):
        read_shape(tmp_path / "a.obj")


BODY = "0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3\n"


@pytest.mark.parametrize(
    "text",
    [
        "OFF\n4 1 0\n" + BODY,
        "OFF4 1 0\n" + BODY,
        "OFF 4 1 0\n" + BODY,
        "  OFF4 1 0 # glued\n# more\n\n" + BODY,
        "COFF\n4 1 0\n0 0 0 255 0 0 1\n1 0 0 9 9 9 1\n1 1 0 9 9 9 1\n0 1 0 9 9 9 1\n4 0 1 2 3 0.1 0.2 0.3\n",
        ("OFF\n4 1\n" + BODY).replace("\n", "\r\n"),
    ],
)
def test_off_ways_to_write_a_square(tmp_path, text):
    (tmp_path / "a.off").write_text(text, newline="")
    mesh = read_mesh(tmp_path / "a.off")
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the word OFF at line 1, got an empty file"),
        ("MESH\n", "the word OFF at line 1"),
        ("OFF BINARY\n", "text at line 1, got a binary OFF"),
        ("OFF\nmany\n", "the numbers of vertices and faces at line 2"),
        ("OFF\n-1 1 0\n", "counts of at least 0 at line 2"),
        ("OFF\n4 1 0\n0 0 0\n", "4 vertex and 1 face lines at the body, got 1"),
        ("OFF\n1 0 0\n0 zero 0\n", "three numbers of a vertex at line 3"),
        ("OFF\n2 0 0\n1 2 3\n7\n", "three numbers of a vertex at line 4, got '7'"),
        ("OFF\n2 0 0\n1 2 3\n7 8\n", "three numbers of a vertex at line 4, got '7 8'"),
        ("OFF\n1 1 0\n0 0 0\n3 0 0\n", "3 vertex numbers at line 4, got 2"),
        ("OFF\n1 1 0\n0 0 0\n3 0 a 0\n", "whole numbers of a face at line 4"),
        ("OFF\n0 0 0\n", "at least one point"),
    ],
)
def test_off_faults(tmp_path, text, words):
    (tmp_path / "a.off").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.off must hold {words}"):
        read_shape(tmp_path / "a.off")


def test_off_rows_that_no_count_tells_of_are_noted(tmp_path):
    (tmp_path / "a.off").write_text("OFF\n4 1 0\n" + BODY + "# the end\n\n")
    assert read_shape(tmp_path / "a.off").note == ""
    (tmp_path / "a.off").write_text("OFF\n4 1 0\n" + BODY + "3 0 1 2\n")
    shape = read_shape(tmp_path / "a.off")
    assert shape.note == "passed over 1 rows beyond those that the header counts"


CORNERS = np.array([[[0, 0, 0], [1, 0, 0], [1, 1, 0]], [[0, 0, 0], [1, 1, 0], [0, 1, 0]]], dtype=np.float32)


def stl_bytes(head: bytes = b"made by hand") -> bytes:
    """The square as binary STL."""
    data = head.ljust(80, b" ") + struct.pack("<I", 2)
    return data + b"".join(struct.pack("<12fH", 0, 0, 1, *corners.ravel(), 0) for corners in CORNERS)


def stl_text() -> str:
    """The square as ascii STL."""
    facets = "".join(
        "facet normal 0 0 1\n outer loop\n"
        + "".join(f"  vertex {x:.3e} {y:.3e} {z:.3e}\n" for x, y, z in corners)
        + " endloop\nendfacet\n"
        for corners in CORNERS
    )
    return f"solid square\n{facets}endsolid square\n"


@pytest.mark.parametrize("data", [stl_bytes(), stl_bytes(b"solid but binary"), stl_text().encode()])
def test_stl_binary_and_ascii(tmp_path, data):
    (tmp_path / "a.stl").write_bytes(data)
    mesh = read_mesh(tmp_path / "a.stl")
    assert len(mesh.vertices) == 4
    np.testing.assert_array_equal(mesh.triangles, CORNERS)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", r"a binary STL \(84 bytes at least\) or the word solid at byte 0, got 0 bytes"),
        (stl_bytes()[:-20], "2 triangles of 50 bytes, as byte 80 says, at byte 84, got 80 bytes"),
        (stl_text().replace("vertex", "corner", 1).encode(), "three vertex lines per facet .* got 5 in all"),
        (stl_text().replace("1.000e+00", "one", 1).encode(), "three numbers after vertex at line 5"),
        (b"solid nothing\nendsolid nothing\n", "at least one triangle"),
    ],
)
def test_stl_faults(tmp_path, data, words):
    (tmp_path / "a.stl").write_bytes(data)
    with pytest.raises(ValueError, match=rf"a\.stl must hold {words}"):
        read_shape(tmp_path / "a.stl")


@pytest.mark.parametrize(
    ("name", "vertices", "faces"),
    [
        ("ballA.off", 1900, 3796),
        ("comments.off", 8, 12),
        ("whitespace.off", 8, 12),
        ("modelnet_glued_header.off", 8, 12),
        ("negative_indices.obj", 8, 12),
        ("polygonfaces.obj", 5, 3),
        ("busted.STL", 1941, 3878),
    ],
)
def test_edge_cases_of_the_collection(shared_dir, name, vertices, faces):
    mesh = read_mesh(shared_dir / "data" / "formats" / "mesh_parsers" / name)
    assert (len(mesh.vertices), len(mesh.faces)) == (vertices, faces)


@pytest.mark.parametrize(
    ("name", "text"), [("a.obj", SQUARE + "f 1 2 3 4\n"), ("a.off", "OFF\n4 1 0\n" + BODY)]
)
def test_a_byte_order_mark_changes_nothing(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    mesh = read_mesh(tmp_path / name)
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_a_byte_order_mark_in_front_of_an_ascii_stl_and_in_a_binary_one(tmp_path):
    for data in (stl_text().encode("utf-8-sig"), stl_bytes("solid, höchstens".encode("utf-8-sig"))):
        (tmp_path / "a.stl").write_bytes(data)
        np.testing.assert_array_equal(read_mesh(tmp_path / "a.stl").triangles, CORNERS)


def test_an_ascii_stl_of_the_collection(shared_dir, tmp_path):
    with zipfile.ZipFile(shared_dir / "data" / "formats" / "mesh_parsers" / "ascii.stl.zip") as archive:
        name = next(name for name in archive.namelist() if name.lower().endswith(".stl"))
        (tmp_path / "a.stl").write_bytes(archive.read(name))
    assert len(read_mesh(tmp_path / "a.stl").faces) > 0
