"""glTF: nodes place meshes, accessors stride, both containers agree, what cannot be read says why."""

import base64
import json
import struct

import numpy as np
import pytest

from completion.data.readers import read_mesh, read_shape
from completion.data.shape import Points

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], dtype="<f4")
ROWS = np.array([0, 1, 2], dtype="<u2")


def document(**changes) -> tuple[dict, bytes]:
    """A triangle under two nodes, the outer one moved and the inner one turned and stretched."""
    data = CORNERS.tobytes() + ROWS.tobytes() + b"\0\0"
    half = np.sqrt(0.5)
    content = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [
            {"children": [1], "translation": [10, 0, 0]},
            {"mesh": 0, "rotation": [0, 0, half, half], "scale": [2, 1, 1]},
        ],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 3, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 48},
            {"buffer": 0, "byteOffset": 48, "byteLength": 6},
        ],
        "buffers": [{"byteLength": len(data)}],
    }
    return content | changes, data


def write_glb(path, content: dict, data: bytes) -> None:
    """Writes the binary container."""
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(data), 0x004E4942) + data
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)


def test_nodes_place_the_mesh(tmp_path):
    write_glb(tmp_path / "a.glb", *document())
    mesh = read_mesh(tmp_path / "a.glb")
    # Stretched by 2 along x, then a quarter turn about z (x becomes y, y becomes −x), then moved by 10.
    np.testing.assert_allclose(mesh.vertices, [[10, 0, 0], [10, 2, 0], [9, 0, 0], [9, 2, 0]], atol=1e-6)
    assert mesh.faces.tolist() == [[0, 1, 2]]


def test_a_matrix_is_given_column_by_column(tmp_path):
    matrix = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 5, 6, 7, 1]
    write_glb(tmp_path / "a.glb", *document(nodes=[{"mesh": 0, "matrix": matrix}]))
    assert read_mesh(tmp_path / "a.glb").vertices[0].tolist() == [5, 6, 7]


def test_text_with_the_buffer_inside_or_beside(tmp_path):
    write_glb(tmp_path / "a.glb", *document())
    wanted = read_mesh(tmp_path / "a.glb").vertices
    content, data = document()
    (tmp_path / "my data.bin").write_bytes(data)
    inside = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    for uri in (inside, "my%20data.bin", "my data.bin"):
        content["buffers"] = [{"byteLength": len(data), "uri": uri}]
        (tmp_path / "a.gltf").write_text(json.dumps(content))
        np.testing.assert_array_equal(read_mesh(tmp_path / "a.gltf").vertices, wanted)


@pytest.mark.parametrize(
    ("mode", "triangles"),
    [(4, [[0, 1, 2]]), (5, [[0, 1, 2], [2, 1, 3]]), (6, [[0, 1, 2], [0, 2, 3]])],
)
def test_triangles_strips_and_fans_without_indices(tmp_path, mode, triangles):
    meshes = [{"primitives": [{"attributes": {"POSITION": 0}, "mode": mode}]}]
    write_glb(tmp_path / "a.glb", *document(meshes=meshes))
    assert read_mesh(tmp_path / "a.glb").faces.tolist() == triangles


def test_points_alone_and_no_scene_at_all(tmp_path):
    content, data = document(meshes=[{"primitives": [{"attributes": {"POSITION": 0}, "mode": 0}]}], nodes=[])
    del content["scenes"], content["scene"]
    write_glb(tmp_path / "a.glb", content, data)
    shape = read_shape(tmp_path / "a.glb")
    assert isinstance(shape, Points)
    np.testing.assert_array_equal(shape.points, CORNERS)


def test_strided_sparse_and_normalised_accessors(tmp_path):
    wide = np.zeros((4, 4), dtype="<i2")
    wide[:, :3] = CORNERS * 32767
    data = wide.tobytes() + np.array([3], dtype="u1").tobytes().ljust(4, b"\0")
    data += np.array([-32767, 0, 0], dtype="<i2").tobytes()
    sparse = {"count": 1, "indices": {"bufferView": 1, "componentType": 5121}, "values": {"bufferView": 2}}
    content, _ = document(
        accessors=[
            {
                "bufferView": 0,
                "componentType": 5122,
                "count": 4,
                "type": "VEC3",
                "normalized": True,
                "sparse": sparse,
            }
        ],
        bufferViews=[
            {"buffer": 0, "byteStride": 8},
            {"buffer": 0, "byteOffset": 32},
            {"buffer": 0, "byteOffset": 36},
        ],
        meshes=[{"primitives": [{"attributes": {"POSITION": 0}}]}],
        nodes=[{"mesh": 0}],
    )
    write_glb(tmp_path / "a.glb", content, data)
    mesh = read_mesh(tmp_path / "a.glb")
    np.testing.assert_allclose(mesh.vertices, [[0, 0, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0]])


def test_nodes_that_share_children_do_not_double_for_ever(tmp_path):
    nodes = [*({"children": [i + 1, i + 1]} for i in range(30)), {"mesh": 0}]
    write_glb(tmp_path / "a.glb", *document(nodes=nodes))
    with pytest.raises(ValueError, match="one node above it at node 30, got more"):
        read_shape(tmp_path / "a.glb")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"extensionsRequired": ["KHR_draco_mesh_compression"]},
            "an uncompressed mesh at extensionsRequired",
        ),
        ({"nodes": [{"children": [0]}]}, "one node above it at node 0, got more"),
        ({"nodes": [{"children": [1, 1]}, {"mesh": 0}]}, "one node above it at node 1, got more"),
        ({"nodes": [{"children": [i + 1]} for i in range(300)]}, "at most 200 nodes above it at node 201"),
        (
            {"accessors": [{"componentType": 5126, "count": 10**8, "type": "VEC3"}] * 2},
            "a bufferView, or a count of at most 1000000 at accessor 0, got none and 100000000",
        ),
        ({"scenes": [{"nodes": []}]}, "at least one mesh at the scene, got none"),
        (
            {"buffers": [{"byteLength": 9, "uri": "../../secret.bin"}]},
            "a file in the same folder or below it",
        ),
        ({"buffers": [{"byteLength": 9, "uri": "missing.bin"}]}, "a file in the same folder or below it"),
        ({"bufferViews": [{"buffer": 0}, {"buffer": 0, "byteOffset": 52}]}, r"bytes 52…58 at accessor 1"),
        ({"accessors": []}, r"a well-formed \.glb file at a place unknown, got IndexError"),
        ({"meshes": [{"primitives": [{"attributes": {}}]}]}, r"a well-formed \.glb file"),
    ],
)
def test_faults(tmp_path, changes, words):
    write_glb(tmp_path / "a.glb", *document(**changes))
    with pytest.raises(ValueError, match=rf"a\.glb must hold {words}"):
        read_shape(tmp_path / "a.glb")


def test_broken_containers(tmp_path):
    write_glb(tmp_path / "a.glb", *document())
    whole = (tmp_path / "a.glb").read_bytes()
    for data, words in (
        (b"glTX" + whole[4:], "the word glTF at byte 0"),
        (whole[:-10], "a chunk of 56 bytes"),
        (whole[:12] + struct.pack("<II", 0, 0x12345678), "a JSON chunk at byte 12, got none"),
    ):
        (tmp_path / "b.glb").write_bytes(data)
        with pytest.raises(ValueError, match=words):
            read_shape(tmp_path / "b.glb")
    (tmp_path / "a.gltf").write_text("[1, 2]")
    with pytest.raises(ValueError, match="an object at the JSON part, got list"):
        read_shape(tmp_path / "a.gltf")
