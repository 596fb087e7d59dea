"""PCD: text, packed and compressed bodies, odd fields, and faults with their place."""

import struct
import tracemalloc

import numpy as np
import pytest

from completion.data.readers import read_points
from completion.data.readers.lzf import decompress

POINTS = np.random.default_rng(0).uniform(-1, 1, (40, 3)).astype(np.float32)


def header(
    body: str, fields="x y z", sizes="4 4 4", types="F F F", counts="1 1 1", points: int = 40
) -> bytes:
    """A header with a comment."""
    return (
        f"# .PCD v0.7\nVERSION 0.7\nFIELDS {fields}\nSIZE {sizes}\nTYPE {types}\nCOUNT {counts}\n"
        f"WIDTH {points}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {points}\nDATA {body}\n"
    ).encode()


def literal_lzf(data: bytes) -> bytes:
    """LZF that packs nothing: runs of at most 32 bytes."""
    runs = [data[i : i + 32] for i in range(0, len(data), 32)]
    return b"".join(bytes([len(run) - 1]) + run for run in runs)


def compressed(data: bytes, packed: bytes) -> bytes:
    """A compressed body."""
    return struct.pack("<II", len(packed), len(data)) + packed


def test_all_bodies_give_the_same_points(tmp_path):
    columns = np.ascontiguousarray(POINTS.T).tobytes()
    bodies = {
        "ascii": "".join(f"{x!r} {y!r} {z!r}\n" for x, y, z in POINTS.tolist()).encode(),
        "binary": POINTS.tobytes(),
        "binary_compressed": compressed(columns, literal_lzf(columns)),
    }
    for body, data in bodies.items():
        (tmp_path / "a.pcd").write_bytes(header(body) + data)
        np.testing.assert_array_equal(read_points(tmp_path / "a.pcd").points.astype(np.float32), POINTS)


def test_other_fields_padding_doubles_and_normals(tmp_path):
    fields = "rgb x _ y z normal_x normal_y normal_z"
    kind = np.dtype(
        [("rgb", "<u4"), ("x", "<f8"), ("_", "u1", 3), ("y", "<f8"), ("z", "<f8"), ("n", "<f4", 3)]
    )
    table = np.zeros(5, kind)
    table["x"], table["y"], table["z"], table["n"] = np.arange(5), 5648349.895035, -1, [0, 0, 1]
    head = header("binary", fields, "4 8 1 8 8 4 4 4", "U F U F F F F F", "1 1 3 1 1 1 1 1", points=5)
    (tmp_path / "a.pcd").write_bytes(head + table.tobytes())
    shape = read_points(tmp_path / "a.pcd")
    np.testing.assert_array_equal(shape.points, [[i, 5648349.895035, -1] for i in range(5)])
    np.testing.assert_array_equal(shape.normals, [[0, 0, 1]] * 5)


def test_rows_with_nan_are_dropped(tmp_path):
    (tmp_path / "a.pcd").write_bytes(header("ascii", points=2) + b"1 2 3\nnan nan nan\n")
    shape = read_points(tmp_path / "a.pcd")
    assert shape.points.tolist() == [[1, 2, 3]]
    assert "dropped 1 of 2 rows" in shape.note


@pytest.mark.parametrize(
    ("body", "rest", "note"),
    [
        ("ascii", b"\n\n", ""),
        ("ascii", b"# the end\n", ""),
        ("ascii", b"7 8 9\n", "passed over 1 rows beyond those that the header counts"),
        ("binary", b"\0\0", ""),
        ("binary", POINTS[:2].tobytes(), "passed over 24 bytes beyond those that the header counts"),
    ],
)
def test_what_follows_the_points_is_noted(tmp_path, body, rest, note):
    data = POINTS[:2].tobytes() if body == "binary" else b"1 2 3\n4 5 6\n"
    (tmp_path / "a.pcd").write_bytes(header(body, points=2) + data + rest)
    shape = read_points(tmp_path / "a.pcd")
    assert (len(shape.points), shape.note) == (2, note)


def test_one_long_word_costs_no_more_than_its_length(tmp_path):
    (tmp_path / "a.pcd").write_bytes(
        header("ascii", points=9001) + b"1 2 3\n" * 9000 + b"1 2 " + b"x" * 80000
    )
    tracemalloc.start()
    with pytest.raises(ValueError, match="numbers at the body"):
        read_points(tmp_path / "a.pcd")
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()


def test_lzf_copies_also_onto_themselves():
    # "ab", then 5 bytes from 2 back: overlapping; then 9 + 2 bytes from 1 back: a long length.
    packed = bytes([1]) + b"ab" + bytes([(3 << 5) | 0, 1]) + bytes([(7 << 5) | 0, 2, 0])
    assert decompress(packed, 18) == b"ab" + b"ababa" + b"a" * 11
    with pytest.raises(ValueError, match="18 unpacked bytes instead of 17"):
        decompress(packed, 17)
    with pytest.raises(ValueError, match="before the start"):
        decompress(bytes([1 << 5, 9]), 3)
    with pytest.raises(ValueError, match="end too early"):
        decompress(bytes([7 << 5]), 3)


def test_rows_that_share_their_lines_are_read(tmp_path):
    (tmp_path / "a.pcd").write_bytes(header("ascii", points=4) + b"1 2 3 4 5 6 7 8 9\n10 11 12\n\n")
    assert read_points(tmp_path / "a.pcd").points.ravel().tolist() == list(range(1, 13))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "a PCD header that ends with DATA at line 1"),
        (header("binary", fields="a b c"), "x y z at the line FIELDS, got a b c"),
        (header("zip"), "ascii or binary or binary_compressed at the line DATA"),
        (header("binary") + b"1234", r"480 bytes of points at byte \d+, got 4"),
        (header("ascii") + b"1 2 3\n", "40 rows of 3 numbers at the body, got 3 numbers"),
        (header("ascii", points=1) + b"1 two 3\n", "numbers at the body"),
        (header("ascii", points=2) + b"1 2 3 9\n4 5 6 9\n", "3 numbers a row, .* at line 12, got 4"),
        (header("ascii", points=2) + b"1 2 3 0 0 1\n4 5 6 0 0 1\n", "3 numbers a row, .* at line 12, got 6"),
        (header("ascii", points=3) + b"1 2 3\n4 5\n6 7 8 9\n", "3 numbers a row, .* at line 13, got 2"),
        (header("binary", sizes="4 4"), "TYPE, SIZE, COUNT and POINTS at the header"),
        (header("binary", sizes="3 3 3"), "TYPE, SIZE, COUNT and POINTS at the header"),
        (header("binary_compressed") + b"12", r"packed bytes that hold 480"),
        (header("binary_compressed") + compressed(b"0" * 480, b"\xff\xff\xff"), "LZF-packed points"),
        (header("binary", points=0), "at least one point"),
    ],
)
def test_faults_name_file_and_place(tmp_path, data, words):
    (tmp_path / "a.pcd").write_bytes(data)
    with pytest.raises(ValueError, match=rf"a\.pcd must hold .*{words}"):
        read_points(tmp_path / "a.pcd")


def test_the_benchmark_files(shared_dir):
    folder = shared_dir / "data" / "formats" / "pcn" / "train"
    whole = read_points(folder / "complete" / "03001627" / "synthetickenneychair.pcd")
    assert whole.points.shape == (16384, 3)
    for view, count in (("00", 1500), ("01", 1900)):
        scan = read_points(folder / "partial" / "03001627" / "synthetickenneychair" / f"{view}.pcd")
        assert len(scan.points) == count
