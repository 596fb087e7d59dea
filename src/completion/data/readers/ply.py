"""PLY: ascii and binary of either byte order, any property types, polygons; skips other elements."""

import codecs
import re
from pathlib import Path

import numpy as np

from completion.data.arrays import IntArray
from completion.data.readers.faults import fault
from completion.data.readers.ply_body import Element, Property, read_ascii, read_binary
from completion.data.readers.polygons import fan
from completion.data.shape import Mesh, Points

_SCALARS = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
_SCALARS |= {"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"}
_SCALARS |= {"float": "f4", "float32": "f4", "double": "f8", "float64": "f8", "int64": "i8", "uint64": "u8"}
_FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


def read_ply(path: Path) -> Mesh | Points:
    """Returns the vertices with their faces, or as points if there are none."""
    # Some editors put a byte-order mark in front of text.
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    order, elements, start = _header(path, data)
    wanted = {"vertex", "face"}
    if order == "":
        note = read_ascii(path, data, start, elements, wanted)
    else:
        note = read_binary(path, data, start, elements, order, wanted)
    by_name = {element.name: element for element in elements}
    if "vertex" not in by_name or not {"x", "y", "z"} <= by_name["vertex"].columns.keys():
        raise fault(path, "the header", "an element vertex with x, y, z", f"elements {sorted(by_name)}")
    columns = by_name["vertex"].columns
    vertices = np.stack([columns[axis].astype(np.float64) for axis in "xyz"], axis=1)
    faces = _faces(path, by_name.get("face"))
    if len(faces):
        return Mesh(vertices, faces, note)
    normals = None
    if {"nx", "ny", "nz"} <= columns.keys():
        normals = np.stack([columns[axis].astype(np.float64) for axis in ("nx", "ny", "nz")], axis=1)
    return Points(vertices, normals, note)


def _faces(path: Path, element: Element | None) -> IntArray:
    """Returns int64[T, 3] of the face element, none if it is missing."""
    for name in ("vertex_indices", "vertex_index"):
        if element is not None and name in element.lengths:
            lengths, corners = element.lengths[name], element.columns[name]
            _check_whole(path, lengths, corners)
            return fan(lengths, corners)
    return np.empty((0, 3), dtype=np.int64)


def _check_whole(path: Path, lengths: IntArray, corners: np.ndarray) -> None:
    """Refuses vertex numbers between two whole ones, which would be cut to another vertex's."""
    broken = np.flatnonzero(corners != np.floor(corners)) if corners.dtype.kind == "f" else []
    if len(broken):
        face = int(np.searchsorted(np.cumsum(lengths), broken[0], side="right"))
        raise fault(path, f"face {face}", "whole vertex numbers", str(corners[broken[0]]))


def _header(path: Path, data: bytes) -> tuple[str, list[Element], int]:
    """Returns (byte order or "" for ascii, elements, byte where the body begins)."""
    if not data.startswith(b"ply"):
        raise fault(path, "byte 0", "the word ply", repr(data[:8]))
    end = re.search(rb"(?m)^end_header[ \t]*\r?\n?", data[: 1 << 20])
    if end is None:
        raise fault(path, "the header", "a line end_header", "none")
    order, elements = None, []
    for number, line in enumerate(data[: end.start()].decode("latin-1").splitlines(), start=1):
        words = line.split()
        try:
            if words[:1] == ["format"]:
                order = _FORMATS[words[1]]
            elif words[:1] == ["element"]:
                elements.append(Element(words[1], int(words[2])))
            elif words[:2] == ["property", "list"]:
                column = Property(words[4], _SCALARS[words[3]], count=_SCALARS[words[2]])
                elements[-1].properties.append(column)
            elif words[:1] == ["property"]:
                elements[-1].properties.append(Property(words[2], _SCALARS[words[1]]))
        except (KeyError, IndexError, ValueError) as error:
            raise fault(path, f"line {number}", "a PLY header line", repr(line)) from error
        if elements and elements[-1].num_rows < 0:
            raise fault(path, f"line {number}", "a count of at least 0", repr(line))
    if order is None:
        raise fault(path, "the header", "a line format ascii or binary_…", "none")
    return order, elements, end.end()
