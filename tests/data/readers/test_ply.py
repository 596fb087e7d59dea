"""PLY: every encoding of the same shape gives the same shape; faults name their place."""

import codecs
import struct
import tracemalloc

import numpy as np
import pytest

from completion.data.readers import read_mesh, read_points, read_shape
from completion.data.shape import Mesh, Points

VERTICES = [(0.5, 0.0, -1.25), (1.0, 2.0, 3.0), (4.0, 5.5, 6.0), (7.0, 8.0, 9.0)]
FACES = [(0, 1, 2), (0, 1, 2, 3)]
TRIANGLES = [[0, 1, 2], [0, 1, 2], [0, 2, 3]]


def header(encoding: str, scalar: str = "float", newline: str = "\n", faces: int = len(FACES)) -> bytes:
    """A header with a colour per vertex, an element to pass over, and a flag per face."""
    lines = ["ply", f"format {encoding} 1.0", "comment made by hand", "obj_info none", "element vertex 4"]
    lines += [f"property {scalar} x", f"property {scalar} y", "property uchar red", f"property {scalar} z"]
    lines += ["element camera 1", "property float focal", f"element face {faces}"]
    lines += ["property list uchar int vertex_indices", "property short flag", "end_header", ""]
    return newline.join(lines).encode()


def binary(order: str, scalar: str, faces=FACES) -> bytes:
    """The body in either byte order."""
    kind = {"float": "f", "double": "d"}[scalar]
    body = b"".join(struct.pack(f"{order}{kind}{kind}B{kind}", x, y, 7, z) for x, y, z in VERTICES)
    body += struct.pack(f"{order}f", 1.5)
    for face in faces:
        body += struct.pack(f"{order}B{len(face)}ih", len(face), *face, -1)
    return body


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("scalar", ["float", "double"])
@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_every_encoding_gives_the_same_mesh(tmp_path, encoding, scalar, newline):
    if encoding == "ascii":
        body = "".join(f"{x} {y} 7 {z}{newline}" for x, y, z in VERTICES) + f"1.5{newline}"
        body += "".join(f"{len(face)} {' '.join(map(str, face))} -1{newline}" for face in FACES)
        data = body.encode()
    else:
        data = binary("<" if "little" in encoding else ">", scalar)
    (tmp_path / "a.ply").write_bytes(header(encoding, scalar, newline) + data)
    mesh = read_mesh(tmp_path / "a.ply")
    assert mesh.vertices.tolist() == [list(vertex) for vertex in VERTICES]
    assert mesh.faces.tolist() == TRIANGLES
    assert (mesh.vertices.dtype, mesh.faces.dtype) == (np.float64, np.int64)


def test_triangles_alone_take_the_quick_way_to_the_same_result(tmp_path):
    faces = [(0, 1, 2), (1, 2, 3), (3, 2, 1)]
    (tmp_path / "a.PLY").write_bytes(header("binary_little_endian", faces=3) + binary("<", "float", faces))
    assert read_mesh(tmp_path / "a.PLY").faces.tolist() == [list(face) for face in faces]


def test_points_with_normals_and_doubles_of_map_size(tmp_path):
    text = "ply\nformat ascii 1.0\nelement vertex 2\n"
    text += "".join(f"property double {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz"))
    text += "end_header\n665187.522077 5648349.895035 241.767693 0 0 1\n665187.5 nan 241.7 0 1 0\n"
    (tmp_path / "a.ply").write_text(text)
    points = read_points(tmp_path / "a.ply")
    assert points.points.tolist() == [[665187.522077, 5648349.895035, 241.767693]]
    assert points.normals.tolist() == [[0, 0, 1]]
    assert points.note == "dropped 1 of 2 rows with NaN, infinity or numbers beyond 1e+30"


def test_a_mesh_as_points_gives_the_vertices_in_use(tmp_path):
    (tmp_path / "a.ply").write_bytes(
        header("binary_little_endian", faces=1) + binary("<", "float", FACES[:1])
    )
    points = read_points(tmp_path / "a.ply")
    assert points.points.tolist() == [list(vertex) for vertex in VERTICES[:3]]
    assert points.note == "took the vertices of a mesh"


def test_faces_with_nan_are_dropped_and_told(tmp_path):
    text = "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    text += "element face 2\nproperty list uchar int vertex_index\nend_header\n"
    text += "0 0 0\n1 0 0\n0 1 0\nnan 0 0\n3 0 1 2\n3 1 2 3\n"
    (tmp_path / "a.ply").write_text(text)
    mesh = read_mesh(tmp_path / "a.ply")
    assert mesh.faces.tolist() == [[0, 1, 2]]
    assert np.isfinite(mesh.vertices).all()
    assert mesh.note == "dropped 1 faces with NaN, infinity or numbers beyond 1e+30"


def test_a_byte_order_mark_changes_nothing(tmp_path):
    body = "".join(f"{x} {y} 7 {z}\n" for x, y, z in VERTICES) + "1.5\n3 0 1 2 -1\n4 0 1 2 3 -1\n"
    (tmp_path / "a.ply").write_bytes(codecs.BOM_UTF8 + header("ascii") + body.encode())
    mesh = read_mesh(tmp_path / "a.ply")
    assert mesh.vertices.tolist() == [list(vertex) for vertex in VERTICES]
    assert mesh.faces.tolist() == TRIANGLES


GOOD = header("binary_little_endian") + binary("<", "float")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"plx", r"the word ply at byte 0, got b'plx'"),
        (b"ply\nformat ascii 1.0\n", "a line end_header at the header"),
        (b"ply\nend_header\n", "a line format ascii or binary_… at the header"),
        (b"ply\nformat ebcdic 1.0\nend_header\n", "a PLY header line at line 2, got 'format ebcdic 1.0'"),
        (b"ply\nformat ascii 1.0\nelement vertex many\nend_header\n", "a PLY header line at line 3"),
        (b"ply\nformat ascii 1.0\nelement vertex -1\nend_header\n", "a count of at least 0 at line 3"),
        (b"ply\nformat ascii 1.0\nelement face 0\nend_header\n", "an element vertex with x, y, z"),
        (GOOD[:-25], r"row 0 of 2 of element face at byte \d+"),
        (GOOD[:-5], r"row 1 of 2 of element face at byte \d+"),
        (GOOD[: len(header("binary_little_endian")) + 10], r"52 bytes of element vertex at byte \d+, got 10"),
        (header("ascii") + b"0 0 7 0 1", "4 rows of element vertex at the body from line 16, got 5 words"),
        (GOOD.replace(b"\x03\0\0\0\xff\xff", b"\x09\0\0\0\xff\xff"), r"vertex numbers in 0…3 at triangle 2"),
        (b"ply\nformat ascii 1.0\nelement vertex 99999999999\nproperty float x\nproperty float y\n"
         b"property float z\nend_header\n0 0 0\n", "99999999999 rows of element vertex"),
    ],
)  # fmt: skip
def test_faults_name_file_and_place(tmp_path, data, words):
    (tmp_path / "bad.ply").write_bytes(data)
    with pytest.raises(ValueError, match=rf"bad\.ply must hold .*{words}"):
        read_shape(tmp_path / "bad.ply")


@pytest.mark.parametrize(
    ("name", "kind", "vertices", "faces"),
    [
        ("points_ascii.ply", Points, 5, 0),
        ("points_bin.ply", Points, 5, 0),
        ("tet.ply", Mesh, 4, 4),
        ("cube_blender_uv.ply", Mesh, 24, 12),
        ("metadata.ply", Mesh, 4, 2),
    ],
)
def test_edge_cases_of_the_collection(shared_dir, name, kind, vertices, faces):
    shape = read_shape(shared_dir / "data" / "formats" / "mesh_parsers" / name)
    assert isinstance(shape, kind)
    count = len(shape.vertices) if isinstance(shape, Mesh) else len(shape.points)
    assert (count, len(shape.faces) if isinstance(shape, Mesh) else 0) == (vertices, faces)


def points_text(body: str, count: int = 4, more: str = "") -> str:
    """An ascii file of points, with further elements in its header."""
    return (
        f"ply\nformat ascii 1.0\nelement vertex {count}\n"
        f"property float x\nproperty float y\nproperty float z\n{more}end_header\n{body}"
    )


FACE = "element face 1\nproperty list uchar int vertex_indices\n"


@pytest.mark.parametrize(
    ("body", "more", "words"),
    [
        ("1 2 3 9\n4 5 6 9\n7 8 9 9\n1 2 3 9\n", "", "3 numbers a row, as the header says, at line 8, got 4"),
        ("1 2 3\n4 5\n7 8 9\n10 11 12\n13\n", "", "3 numbers a row, as the header says, at line 9, got 2"),
        ("1 2 3\n4 5 6\n7 8 9\n1 2 3 9\n", "", "3 numbers a row, as the header says, at line 11, got 4"),
        ("1 2 3\n4 5 6\n7 8 9\n1 2\n", "", "4 rows of element vertex .*got 11 words"),
        ("0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 1 2 255\n", FACE, "4 numbers a row, .* at line 14, got 5"),
        ("0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 1 2.9\n", FACE, r"whole vertex numbers at face 0, got 2\.9"),
    ],
)
def test_text_rows_are_lines_as_the_header_says(tmp_path, body, more, words):
    (tmp_path / "bad.ply").write_text(points_text(body, more=more))
    with pytest.raises(ValueError, match=rf"bad\.ply must hold .*{words}"):
        read_shape(tmp_path / "bad.ply")


@pytest.mark.parametrize(
    ("rest", "note"),
    [
        ("", ""),
        ("\n \n\r\n", ""),
        ("# the end\ncomment of 4 points\n", ""),
        ("7 8 9\n10 11 12\n", "passed over 2 rows beyond those that the header counts"),
    ],
)
def test_what_follows_the_rows_is_noted_if_it_is_rows(tmp_path, rest, note):
    (tmp_path / "a.ply").write_text(points_text("1 2 3\n\n4 5\n6\n" + rest, count=2))
    points = read_points(tmp_path / "a.ply")
    assert points.points.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert points.note == note


def test_rows_of_elements_that_are_not_read_are_not_beyond(tmp_path):
    edges = FACE + "element edge 2\nproperty int vertex1\nproperty int vertex2\n"
    body = "0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 1 2\n0 1\n1 2\n"
    (tmp_path / "a.ply").write_text(points_text(body, more=edges))
    assert read_shape(tmp_path / "a.ply").note == ""
    (tmp_path / "a.ply").write_text(points_text(body + "2 3\n", more=edges))
    assert read_shape(tmp_path / "a.ply").note.startswith("passed over 1 rows")


def test_bytes_behind_packed_rows_are_noted(tmp_path):
    for rest, note in ((b"", ""), (b"\r\n\0\0", ""), (b"\0" * 11 + b"@", "passed over 12 bytes beyond")):
        (tmp_path / "a.ply").write_bytes(GOOD + rest)
        assert read_shape(tmp_path / "a.ply").note.startswith(note or "") and bool(note) == (b"@" in rest)


def test_one_long_word_costs_no_more_than_its_length(tmp_path):
    """Padded to the longest word, the words of this file would take 3 GB."""
    (tmp_path / "a.ply").write_text(points_text("1 2 3\n" * 13000 + "1 2 " + "x" * 80000, count=13001))
    tracemalloc.start()
    with pytest.raises(ValueError, match="could not convert string to float") as caught:
        read_shape(tmp_path / "a.ply")
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()
    assert len(str(caught.value)) < 400


def test_a_file_without_vertices(shared_dir):
    with pytest.raises(ValueError, match=r"empty\.ply must hold at least one point"):
        read_shape(shared_dir / "data" / "formats" / "mesh_parsers" / "empty.ply")
