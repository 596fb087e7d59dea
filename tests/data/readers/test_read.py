"""Choosing a reader, and that no damage to a file gives anything but one sentence with its name."""

import random
import struct
import warnings

import numpy as np
import pytest

from completion.data.readers import SUFFIXES, read_mesh, read_points, read_shape

OFF = "OFF\n4 2 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n3 0 1 2\n3 0 2 3\n"
OBJ = "v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 3\n"
PLY = b"ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
PLY += b"property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
PLY += struct.pack("<9fB3i", 0, 0, 0, 1, 0, 0, 1, 1, 0, 3, 0, 1, 2)
PCD = b"VERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\n"
PCD += b"WIDTH 2\nHEIGHT 1\nPOINTS 2\nDATA binary\n"
PCD += struct.pack("<6f", 1, 2, 3, 4, 5, 6)
STL = b" " * 80 + struct.pack("<I12fH", 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0)


def test_names_a_missing_file_and_an_unknown_suffix(tmp_path):
    with pytest.raises(FileNotFoundError, match="path must be an existing file"):
        read_shape(tmp_path / "a.ply")
    for name, advice in (
        ("a.las", "pdal translate"),
        ("a.fbx", "Blender"),
        ("a.tar.gz", "unpack"),
        ("a", "convert"),
    ):
        (tmp_path / name).touch()
        with pytest.raises(ValueError, match=rf"path must end in \.ply .*{advice}"):
            read_shape(tmp_path / name)
    assert ".pcd" in SUFFIXES


def test_points_are_no_mesh(tmp_path):
    (tmp_path / "a.xyz").write_text("1 2 3\n")
    assert read_points(tmp_path / "a.xyz").points.tolist() == [[1, 2, 3]]
    with pytest.raises(ValueError, match=r"a\.xyz must have faces, got 1 points alone"):
        read_mesh(tmp_path / "a.xyz")


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".off", OFF.encode()),
        (".obj", OBJ.encode()),
        (".ply", PLY),
        (".pcd", PCD),
        (".stl", STL),
        (".xyz", b"1 2 3\n4 5 6\n"),
        (".csv", b"x,y,z\n1,2,3\n"),
        (".npy", None),
        (".npz", None),
    ],
)
def test_damage_gives_one_sentence_that_names_the_file(tmp_path, suffix, data):
    path = tmp_path / f"whole{suffix}"
    if data is None:
        (np.save if suffix == ".npy" else np.savez)(path, np.random.default_rng(0).random((5, 3)))
        data = path.read_bytes()
    path.write_bytes(data)
    read_shape(path)
    rng = random.Random(0)
    damaged = [data[:size] for size in range(0, len(data), max(1, len(data) // 60))]
    for _ in range(120):
        changed = bytearray(data)
        for _ in range(rng.choice([1, 2, 8])):
            changed[rng.randrange(len(data))] = rng.choice([0, 10, 32, 45, 57, 255, rng.randrange(256)])
        damaged.append(bytes(changed))
    refused = 0
    for content in damaged:
        broken = tmp_path / f"broken{suffix}"
        broken.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read_shape(broken)
            except ValueError as error:
                refused += 1
                assert f"broken{suffix}" in str(error)
    assert refused > 10
