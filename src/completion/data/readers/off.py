"""OFF: counts also beside or glued to the word OFF (ModelNet), comments, polygons; ascii alone."""

import re
from pathlib import Path

import numpy as np

from completion.data.arrays import IntArray
from completion.data.readers.faults import fault
from completion.data.readers.polygons import fan
from completion.data.readers.words import beyond_note, is_number
from completion.data.shape import Mesh, Points

Lines = list[tuple[int, list[str]]]


def read_off(path: Path) -> Mesh | Points:
    """Returns the vertices with their faces, or as points if there are none."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    lines = [(n, line.split("#", 1)[0].split()) for n, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, words) for number, words in lines if words]
    num_vertices, num_faces, lines = _counts(path, lines)
    if len(lines) < num_vertices + num_faces:
        expected = f"{num_vertices} vertex and {num_faces} face lines"
        raise fault(path, "the body", expected, f"{len(lines)} lines that are not empty")
    vertices = _vertices(path, lines[:num_vertices])
    faces = _faces(path, lines[num_vertices : num_vertices + num_faces])
    beyond = sum(is_number(words[0]) for _, words in lines[num_vertices + num_faces :])
    note = beyond_note(beyond, "rows")
    return Mesh(vertices, faces, note) if len(faces) else Points(vertices, note=note)


def _counts(path: Path, lines: Lines) -> tuple[int, int, Lines]:
    """Returns (vertices, faces, remaining lines); accepts `OFF`, `OFF 8 12 0` and `OFF8 12 0`."""
    if not lines:
        raise fault(path, "line 1", "the word OFF", "an empty file")
    number, words = lines[0]
    match = re.match(r"(ST)?(C)?(N)?OFF(.*)", words[0])
    if match is None:
        raise fault(path, f"line {number}", "the word OFF", repr(" ".join(words)[:40]))
    if [word.upper() for word in words[1:2]] == ["BINARY"]:
        raise fault(path, f"line {number}", "text", "a binary OFF; convert it to ascii or ply")
    rest = ([match[4]] if match[4] else []) + words[1:]
    lines = lines[1:]
    if not rest and lines:
        (number, rest), lines = lines[0], lines[1:]
    try:
        num_vertices, num_faces = int(rest[0]), int(rest[1])
    except (ValueError, IndexError) as error:
        raise fault(
            path, f"line {number}", "the numbers of vertices and faces", repr(" ".join(rest)[:40])
        ) from error
    if min(num_vertices, num_faces) < 0:
        raise fault(path, f"line {number}", "counts of at least 0", repr(" ".join(rest)[:40]))
    return num_vertices, num_faces, lines


def _vertices(path: Path, lines: Lines) -> np.ndarray:
    """Returns float64[V, 3]; columns after the third (normals, colours) are ignored."""
    vertices = np.empty((len(lines), 3))
    for row, (number, words) in enumerate(lines):
        try:
            # One by one: numpy would make three equal numbers of a single one.
            vertices[row] = [float(words[0]), float(words[1]), float(words[2])]
        except (ValueError, IndexError) as error:
            raise fault(
                path, f"line {number}", "three numbers of a vertex", repr(" ".join(words)[:40])
            ) from error
    return vertices


def _faces(path: Path, lines: Lines) -> IntArray:
    """Returns int64[T, 3]; what follows the corners (colours) is ignored."""
    counts, corners = [], []
    for number, words in lines:
        try:
            count = int(words[0])
            face = [int(word) for word in words[1 : count + 1]]
        except ValueError as error:
            raise fault(
                path, f"line {number}", "whole numbers of a face", repr(" ".join(words)[:40])
            ) from error
        if count < 0 or len(face) < count:
            raise fault(path, f"line {number}", f"{count} vertex numbers", str(len(face)))
        counts.append(count)
        corners += face
    return fan(np.array(counts, dtype=np.int64), np.array(corners, dtype=np.int64))
