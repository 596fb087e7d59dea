"""Wavefront OBJ: vertices and polygons, also with negative (relative) numbers; ignores materials."""

from pathlib import Path

import numpy as np

from completion.data.readers.faults import fault
from completion.data.readers.polygons import fan
from completion.data.shape import Mesh, Points


def read_obj(path: Path) -> Mesh | Points:
    """Returns the vertices with all faces of all objects, or as points if there are no faces."""
    vertices: list[list[float]] = []
    counts: list[int] = []
    corners: list[int] = []
    for number, line in enumerate(_lines(path), start=1):
        words = line.split("#", 1)[0].split()
        if not words or words[0] not in ("v", "f"):
            continue
        try:
            if words[0] == "v":
                vertices.append([float(words[1]), float(words[2]), float(words[3])])
            else:
                face = [_vertex_number(word, len(vertices)) for word in words[1:]]
                counts.append(len(face))
                corners += face
        except (ValueError, IndexError) as error:
            expected = (
                "three numbers after v" if words[0] == "v" else "vertex numbers after f (from 1, or negative)"
            )
            raise fault(path, f"line {number}", expected, repr(line[:60])) from error
    if not vertices:
        raise fault(path, "its whole length", "lines that begin with v", "none")
    points = np.array(vertices, dtype=np.float64)
    faces = fan(np.array(counts, dtype=np.int64), np.array(corners, dtype=np.int64))
    return Mesh(points, faces) if len(faces) else Points(points)


def _lines(path: Path) -> list[str]:
    """Returns the lines; a line that ends in a backslash goes on in the next, which then counts as empty."""
    # A byte-order mark would hide the first word, and a line of an unknown word is passed over.
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    for i in range(len(lines) - 1, 0, -1):
        if lines[i - 1].endswith("\\"):
            lines[i - 1], lines[i] = f"{lines[i - 1][:-1]} {lines[i]}", ""
    return lines


def _vertex_number(word: str, num_vertices: int) -> int:
    """Returns the 0-based vertex of a corner such as 7, 7/1/3 or -1 (the last one so far)."""
    number = int(word.split("/", 1)[0])
    row = number - 1 if number > 0 else num_vertices + number
    if number == 0 or row < 0:
        raise ValueError(f"no vertex {number}")
    return row
