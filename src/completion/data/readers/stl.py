"""STL: binary and ascii triangles; equal corners become one vertex."""

import codecs
import re
from itertools import chain
from pathlib import Path

import numpy as np

from completion.data.readers.faults import fault
from completion.data.readers.words import as_numbers
from completion.data.shape import Mesh, Points

_HEADER = 84  # bytes before the first triangle of a binary file: 80 of text, 4 of count
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def read_stl(path: Path) -> Mesh | Points:
    """Returns the mesh; binary is told by the file's size, because both kinds may begin with solid."""
    data = path.read_bytes()
    count = int.from_bytes(data[80:84], "little") if len(data) >= _HEADER else -1
    if len(data) == _HEADER + count * _TRIANGLE.itemsize:
        corners = np.frombuffer(data, _TRIANGLE, count, _HEADER)["corners"]
    elif _begins_with_solid(data) and b"\0" not in data[:1024]:
        corners = _ascii_corners(path, data)
    elif count < 0:
        raise fault(
            path, "byte 0", "a binary STL (84 bytes at least) or the word solid", f"{len(data)} bytes"
        )
    elif len(data) > _HEADER + count * _TRIANGLE.itemsize > _HEADER:
        corners = np.frombuffer(data, _TRIANGLE, count, _HEADER)["corners"]
    else:
        expected = f"{count} triangles of {_TRIANGLE.itemsize} bytes, as byte 80 says,"
        raise fault(path, f"byte {_HEADER}", expected, f"{len(data) - _HEADER} bytes")
    if len(corners) == 0:
        raise fault(path, "its whole length", "at least one triangle", "none")
    vertices, rows = np.unique(corners.reshape(-1, 3).astype(np.float64), axis=0, return_inverse=True)
    return Mesh(vertices, rows.reshape(-1, 3))


def _begins_with_solid(data: bytes) -> bool:
    """Returns whether the first word is solid, behind a byte-order mark if there is one."""
    return data.removeprefix(codecs.BOM_UTF8).lstrip()[:5].lower() == b"solid"


def _ascii_corners(path: Path, data: bytes) -> np.ndarray:
    """Returns float64[F, 3, 3] from the lines that begin with the word vertex."""
    rows = re.findall(rb"(?im)^\s*vertex\s+(\S+)\s+(\S+)\s+(\S+)", data)
    if len(rows) % 3:
        raise fault(path, "its whole length", "three vertex lines per facet", f"{len(rows)} in all")
    try:
        return as_numbers(list(chain.from_iterable(rows))).reshape(-1, 3, 3)
    except ValueError:
        for number, line in enumerate(data.splitlines(), start=1):
            words = line.split()
            if words[:1] == [b"vertex"] and not _are_numbers(words[1:4]):
                raise fault(path, f"line {number}", "three numbers after vertex", repr(line[:60])) from None
        raise


def _are_numbers(words: list[bytes]) -> bool:
    """Returns whether all words are numbers."""
    try:
        [float(word) for word in words]
    except ValueError:
        return False
    return True
