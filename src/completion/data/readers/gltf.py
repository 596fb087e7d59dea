"""glTF 2.0 (glb, gltf): the default scene's triangles, placed by its nodes; y up; no skins, no textures."""

import base64
import json
import os
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from completion.data.readers.accessors import Accessors
from completion.data.readers.faults import fault
from completion.data.shape import Mesh, Points

_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_REFUSED = {"KHR_draco_mesh_compression", "EXT_meshopt_compression"}
_MAX_DEPTH = 200  # nodes below nodes


def read_glb(path: Path) -> Mesh | Points:
    """Returns the scene of a binary file."""
    data = path.read_bytes()
    if data[:4] != b"glTF" or len(data) < 20:
        raise fault(path, "byte 0", "the word glTF", repr(data[:8]))
    chunks, at = {}, 12
    while at + 8 <= len(data):
        size, kind = struct.unpack_from("<II", data, at)
        if at + 8 + size > len(data):
            raise fault(path, f"byte {at}", f"a chunk of {size} bytes", f"{len(data) - at - 8}")
        chunks.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 8 + size
    text, binary = chunks.get(0x4E4F534A), chunks.get(0x004E4942, b"")
    if text is None:
        raise fault(path, "byte 12", "a JSON chunk", "none")
    return _scene(path, _document(path, text), binary)


def read_gltf(path: Path) -> Mesh | Points:
    """Returns the scene of a text file; its buffers are inside it or in files beside it."""
    return _scene(path, _document(path, path.read_bytes()), b"")


def buffer_files(path: Path) -> list[Path]:
    """Returns the files that a text file's buffers lie in; none for one that cannot be read."""
    try:
        entries = json.loads(path.read_bytes())["buffers"]
        uris = [entry["uri"] for entry in entries if not entry.get("uri", "data:").startswith("data:")]
        found = [_beside(path, uri) for uri in uris]
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return []  # `read_gltf` says what is wrong with it
    return [file for file in found if file is not None]


def _document(path: Path, text: bytes) -> dict[str, Any]:
    """Returns the parsed JSON; refuses what cannot be read."""
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise fault(path, "the JSON part", "JSON", str(error)) from error
    if not isinstance(document, dict):
        raise fault(path, "the JSON part", "an object", type(document).__name__)
    refused = _REFUSED & set(document.get("extensionsRequired", []))
    if refused:
        raise fault(
            path, "extensionsRequired", "an uncompressed mesh", f"{sorted(refused)}; export it without"
        )
    return document


def _scene(path: Path, document: dict[str, Any], binary: bytes) -> Mesh | Points:
    """Returns all primitives of the default scene as one mesh, or as points if there are no triangles."""
    buffers = [_buffer(path, entry, binary) for entry in document.get("buffers", [])]
    accessors = Accessors(path, document, buffers)
    vertices, faces, num_vertices = [], [], 0
    for mesh, placement in _placed_meshes(path, document):
        for primitive in document["meshes"][mesh]["primitives"]:
            positions = accessors.read(primitive["attributes"]["POSITION"]).astype(np.float64)
            rows = accessors.read(primitive["indices"]).reshape(-1) if "indices" in primitive else None
            rows = np.arange(len(positions)) if rows is None else rows.astype(np.int64)
            vertices.append(positions[:, :3] @ placement[:3, :3].T + placement[:3, 3])
            faces.append(_triangles(rows, primitive.get("mode", _TRIANGLES)) + num_vertices)
            num_vertices += len(positions)
    if not num_vertices:
        raise fault(path, "the scene", "at least one mesh", "none")
    joined = np.concatenate(faces)
    return Mesh(np.concatenate(vertices), joined) if len(joined) else Points(np.concatenate(vertices))


def _buffer(path: Path, entry: dict[str, Any], binary: bytes) -> bytes:
    """Returns the bytes of a buffer: the file's own, inline base64, or a file beside or below it."""
    uri = entry.get("uri")
    if uri is None:
        return binary
    if uri.startswith("data:"):
        return base64.b64decode(uri.split(",", 1)[1])
    beside = _beside(path, uri)
    if beside is None:
        raise fault(path, "buffers", "a file in the same folder or below it", repr(uri))
    return beside.read_bytes()


def _beside(path: Path, uri: str) -> Path | None:
    """Returns the file beside or below `path` that a buffer names, None if there is no such file."""
    file = (path.parent / unquote(uri)).resolve()
    return file if file.is_relative_to(path.parent.resolve()) and os.path.isfile(file) else None


def _placed_meshes(path: Path, document: dict[str, Any]) -> list[tuple[int, np.ndarray]]:
    """Returns (mesh number, 4 × 4 placement) of every node of the default scene that has a mesh."""
    nodes = document.get("nodes", [])
    scenes = document.get("scenes", [])
    if not scenes:
        return [(i, np.eye(4)) for i in range(len(document.get("meshes", [])))]
    placed, seen = [], set()
    roots = scenes[document.get("scene", 0)].get("nodes", [])
    waiting = [(number, np.eye(4), 0) for number in reversed(roots)]
    while waiting:
        number, parent, depth = waiting.pop()
        # Nodes are trees by the format's rules; shared ones could double at every level without an end.
        if number in seen:
            raise fault(path, f"node {number}", "one node above it", "more (a loop, or a child listed twice)")
        seen.add(number)
        if depth > _MAX_DEPTH:
            raise fault(path, f"node {number}", f"at most {_MAX_DEPTH} nodes above it", "more")
        placement = parent @ _placement(nodes[number])
        if "mesh" in nodes[number]:
            placed.append((nodes[number]["mesh"], placement))
        waiting += [(child, placement, depth + 1) for child in reversed(nodes[number].get("children", []))]
    return placed


def _placement(node: dict[str, Any]) -> np.ndarray:
    """Returns float64[4, 4] of a node's matrix (column by column) or translation, rotation, scale."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    placement = np.eye(4)
    placement[:3, :3] = turn * np.array(node.get("scale", (1.0, 1.0, 1.0)))
    placement[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return placement


def _triangles(rows: np.ndarray, mode: int) -> np.ndarray:
    """Returns int64[T, 3] of a primitive's vertex order; points and lines give none."""
    if mode == _TRIANGLES:
        return rows[: len(rows) // 3 * 3].reshape(-1, 3)
    if mode == _STRIP and len(rows) >= 3:
        strip = np.stack([rows[:-2], rows[1:-1], rows[2:]], axis=1)
        strip[1::2] = strip[1::2, [1, 0, 2]]
        return strip
    if mode == _FAN and len(rows) >= 3:
        return np.stack([np.broadcast_to(rows[0], len(rows) - 2), rows[1:-1], rows[2:]], axis=1)
    return np.empty((0, 3), dtype=np.int64)
