"""PCD (Point Cloud Library): ascii, binary, binary_compressed; reads x, y, z and normals."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from completion.data.readers.faults import fault
from completion.data.readers.lzf import decompress
from completion.data.readers.words import Words, as_numbers, rest_note
from completion.data.shape import Points

_TYPES = {"F": "f", "I": "i", "U": "u"}
Columns = tuple[dict[str, np.ndarray], str]  # by name, and a note on what the header does not count


@dataclass
class Header:
    """The fields of a file: names, dtypes, values per field, points, kind and start of the body."""

    names: list[str]
    dtypes: list[np.dtype]
    counts: list[int]
    num_points: int
    body: str
    start: int

    @property
    def row(self) -> np.dtype:
        """One point as it lies in a binary body."""
        triples = zip(self.names, self.dtypes, self.counts, strict=True)
        # Padding fields share the name _, which a dtype does not allow twice.
        return np.dtype([(f"{i}:{name}", dtype, (count,)) for i, (name, dtype, count) in enumerate(triples)])


def read_pcd(path: Path) -> Points:
    """Returns the points; x, y, z must be among the fields."""
    data = path.read_bytes()
    header = _header(path, data)
    readers = {"ascii": _read_ascii, "binary": _read_binary, "binary_compressed": _read_compressed}
    if header.body not in readers:
        raise fault(path, "the line DATA", " or ".join(readers), repr(header.body))
    columns, note = readers[header.body](path, data, header)
    points = np.stack([columns[axis] for axis in "xyz"], axis=1)
    names = ("normal_x", "normal_y", "normal_z")
    if set(names) <= columns.keys():
        return Points(points, np.stack([columns[name] for name in names], axis=1), note)
    return Points(points, note=note)


def _header(path: Path, data: bytes) -> Header:
    """Returns the header up to and with the line DATA."""
    entries: dict[str, list[str]] = {}
    start, number = 0, 0
    while "DATA" not in entries:
        end = data.find(b"\n", start)
        number += 1
        if end < 0 or number > 1000:
            raise fault(
                path, f"line {number}", "a PCD header that ends with DATA", repr(data[start : start + 30])
            )
        words = data[start:end].decode("latin-1").split("#", 1)[0].split()
        if words:
            entries[words[0].upper()] = words[1:]
        start = end + 1
    names = entries.get("FIELDS", entries.get("COLUMNS", []))
    if not {"x", "y", "z"} <= set(names):
        raise fault(path, "the line FIELDS", "x y z", " ".join(names) or "none")
    try:
        kinds = zip(entries["TYPE"], entries["SIZE"], strict=True)
        dtypes = [np.dtype(f"<{_TYPES[kind]}{size}") for kind, size in kinds]
        counts = [int(count) for count in entries.get("COUNT", ["1"] * len(names))]
        size = entries.get("POINTS", [])
        num_points = int(size[0]) if size else int(entries["WIDTH"][0]) * int(entries["HEIGHT"][0])
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise fault(
            path, "the header", "TYPE, SIZE, COUNT and POINTS", f"{type(error).__name__}: {error}"
        ) from error
    if not len(names) == len(dtypes) == len(counts) or num_points < 0 or min(counts) < 0:
        raise fault(
            path,
            "the header",
            "as many TYPE, SIZE and COUNT as FIELDS",
            f"{len(names)}, {len(dtypes)}, {len(counts)}",
        )
    return Header(names, dtypes, counts, num_points, " ".join(entries["DATA"]), start)


def _read_ascii(path: Path, data: bytes, header: Header) -> Columns:
    """Returns the columns of a text body."""
    words = Words(path, data, header.start)
    width = sum(header.counts)
    if len(words) < header.num_points * max(width, 1):
        raise fault(path, "the body", f"{header.num_points} rows of {width} numbers", f"{len(words)} numbers")
    words.check_rows(width * np.arange(header.num_points + 1))
    end = header.num_points * width
    first = np.cumsum(header.counts) - header.counts
    wanted = [(name, at) for name, at, count in zip(header.names, first, header.counts, strict=True) if count]
    try:
        columns = {name: as_numbers(words.words[at:end:width]) for name, at in wanted}
    except ValueError as error:
        raise fault(path, "the body", "numbers", str(error)[:80]) from error
    return columns, words.beyond(end)


def _read_binary(path: Path, data: bytes, header: Header) -> Columns:
    """Returns the columns of packed rows."""
    size = header.row.itemsize * header.num_points
    if len(data) - header.start < size:
        raise fault(path, f"byte {header.start}", f"{size} bytes of points", f"{len(data) - header.start}")
    table = np.frombuffer(data, header.row, header.num_points, header.start)
    wanted = [(i, name) for i, name in enumerate(header.names) if header.counts[i]]
    columns = {name: table[f"{i}:{name}"][:, 0].astype(np.float64) for i, name in wanted}
    return columns, rest_note(data, header.start + size)


def _read_compressed(path: Path, data: bytes, header: Header) -> Columns:
    """Returns the columns of an LZF-packed body, which holds field after field."""
    packed_size, size = (
        int(n) for n in np.frombuffer(data[header.start : header.start + 8].ljust(8, b"\0"), "<u4")
    )
    packed = data[header.start + 8 : header.start + 8 + packed_size]
    needed = header.row.itemsize * header.num_points
    if len(packed) < packed_size or size < needed:
        expected = f"{packed_size} packed bytes that hold {needed}"
        raise fault(path, f"byte {header.start + 8}", expected, f"{len(packed)} bytes that hold {size}")
    try:
        body = decompress(packed, size)
    except ValueError as error:
        raise fault(path, f"byte {header.start + 8}", "LZF-packed points", str(error)) from error
    columns, at = {}, 0
    for name, dtype, count in zip(header.names, header.dtypes, header.counts, strict=True):
        values = np.frombuffer(body, dtype, header.num_points * count, at)
        at += values.nbytes
        if count:
            columns[name] = values.reshape(-1, count)[:, 0].astype(np.float64)
    return columns, ""
