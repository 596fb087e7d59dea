"""The body of a PLY file, ascii or binary, read into the columns of its elements; knows no geometry."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from completion.data.readers.faults import FileFault, fault
from completion.data.readers.words import Words, as_numbers, rest_note


@dataclass
class Property:
    """A column: its scalar dtype, and the dtype of the length in front of it if it is a list."""

    name: str
    dtype: str
    count: str = ""


@dataclass
class Element:
    """A table of the file: `num_rows` rows of the properties, read into `columns`."""

    name: str
    num_rows: int
    properties: list[Property] = field(default_factory=list)
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    lengths: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def has_lists(self) -> bool:
        """Whether rows differ in length."""
        return any(column.count for column in self.properties)


def read_ascii(path: Path, data: bytes, start: int, elements: list[Element], wanted: set[str]) -> str:
    """Fills the columns from lines of numbers, until all wanted elements are read.

    Returns:
        A note on rows that no element counts, else an empty one.

    Raises:
        FileFault: where words are missing or are no numbers, or rows do not fit the lines.
    """
    words = Words(path, data, start)
    at, more = 0, sum(element.num_rows for element in elements)
    for element in elements:
        try:
            at = _read_ascii_element(words, at, element)
        except FileFault:
            raise
        except (IndexError, ValueError) as error:
            expected = f"{element.num_rows} rows of element {element.name}"
            place = f"the body from line {words.first_line}"
            raise fault(path, place, expected, f"{len(words)} words ({str(error)[:80]})") from error
        more -= element.num_rows
        wanted = wanted - {element.name}
        if not wanted:
            break
    return words.beyond(at, more)


def _read_ascii_element(words: Words, at: int, element: Element) -> int:
    """Fills one element from word `at` on and returns where it ends."""
    width = len(element.properties)
    if element.num_rows * max(width, 1) > len(words) - at:
        raise IndexError("too few")
    if not element.has_lists:
        bounds = at + width * np.arange(element.num_rows + 1)
        words.check_rows(bounds)
        table = as_numbers(words.words[at : bounds[-1]]).reshape(element.num_rows, width)
        element.columns = {column.name: table[:, i] for i, column in enumerate(element.properties)}
        return int(bounds[-1])
    cells: dict[str, list[bytes]] = {column.name: [] for column in element.properties}
    lengths: dict[str, list[int]] = {column.name: [] for column in element.properties if column.count}
    bounds = [at]
    for _ in range(element.num_rows):
        for column in element.properties:
            size = 1
            if column.count:
                size = int(words.words[at])
                lengths[column.name].append(size)
                at += 1
            if size < 0 or at + size > len(words):
                raise IndexError("too few")
            cells[column.name] += words.words[at : at + size]
            at += size
        bounds.append(at)
    words.check_rows(np.array(bounds))
    element.columns = {name: as_numbers(column) for name, column in cells.items()}
    element.lengths = {name: np.array(counts, dtype=np.int64) for name, counts in lengths.items()}
    return at


def read_binary(
    path: Path, data: bytes, at: int, elements: list[Element], order: str, wanted: set[str]
) -> str:
    """Fills the columns from packed rows, until all wanted elements are read.

    Returns:
        A note on bytes behind the last element, else an empty one.
    """
    for element in elements:
        read = _read_lists if element.has_lists else _read_rows
        at = read(path, data, at, element, order)
        wanted = wanted - {element.name}
        if not wanted:
            return rest_note(data, at) if element is elements[-1] else ""
    return rest_note(data, at)


def _read_rows(path: Path, data: bytes, at: int, element: Element, order: str) -> int:
    """Fills an element whose rows all have the same size."""
    dtype = np.dtype([(column.name, order + column.dtype) for column in element.properties])
    end = at + dtype.itemsize * element.num_rows
    if end > len(data):
        raise fault(path, f"byte {at}", f"{end - at} bytes of element {element.name}", f"{len(data) - at}")
    table = np.frombuffer(data, dtype, element.num_rows, at)
    element.columns = {name: table[name] for name in dtype.names or ()}
    return end


def _read_lists(path: Path, data: bytes, at: int, element: Element, order: str) -> int:
    """Fills an element with lists: at once if all rows are like the first one, else row by row."""
    end = _read_uniform_lists(data, at, element, order)
    if end is not None:
        return end
    cells: dict[str, list[np.ndarray]] = {column.name: [] for column in element.properties}
    lengths: dict[str, list[int]] = {column.name: [] for column in element.properties if column.count}
    kinds = [np.dtype(order + column.count) if column.count else None for column in element.properties]
    dtypes = [np.dtype(order + column.dtype) for column in element.properties]
    names = [column.name for column in element.properties]
    for row in range(element.num_rows):
        try:
            for name, count, dtype in zip(names, kinds, dtypes, strict=True):
                size = 1
                if count is not None:
                    size = int(np.frombuffer(data, count, 1, at)[0])
                    lengths[name].append(size)
                    at += count.itemsize
                if size < 0:
                    raise ValueError("negative length")
                cells[name].append(np.frombuffer(data, dtype, size, at))
                at += size * dtype.itemsize
        except ValueError as error:
            expected = f"row {row} of {element.num_rows} of element {element.name}"
            raise fault(path, f"byte {at}", expected, f"{len(data)} bytes in all ({error})") from error
    element.columns = {name: _joined(parts) for name, parts in cells.items()}
    element.lengths = {name: np.array(counts, dtype=np.int64) for name, counts in lengths.items()}
    return at


def _read_uniform_lists(data: bytes, at: int, element: Element, order: str) -> int | None:
    """Fills the element and returns its end if every list is as long as the first row's, else None."""
    if element.num_rows == 0:
        element.lengths = {
            column.name: np.empty(0, np.int64) for column in element.properties if column.count
        }
        element.columns = {column.name: np.empty(0) for column in element.properties}
        return at
    fields, peek = [], at
    for column in element.properties:
        size = 1
        if column.count:
            count = np.dtype(order + column.count)
            if peek + count.itemsize > len(data):
                return None
            size = int(np.frombuffer(data, count, 1, peek)[0])
            if not 0 <= size <= 255:
                return None
            fields.append((f"#{column.name}", order + column.count))
            peek += count.itemsize
        fields.append((column.name, order + column.dtype, (size,)))
        peek += size * np.dtype(column.dtype).itemsize
    dtype = np.dtype(fields)
    if at + dtype.itemsize * element.num_rows > len(data):
        return None
    table = np.frombuffer(data, dtype, element.num_rows, at)
    for column in element.properties:
        if column.count and (table[f"#{column.name}"] != table[f"#{column.name}"][0]).any():
            return None
    element.columns = {column.name: table[column.name].reshape(-1) for column in element.properties}
    element.lengths = {c.name: table[f"#{c.name}"].astype(np.int64) for c in element.properties if c.count}
    return at + dtype.itemsize * element.num_rows


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """Returns the parts one after another, an empty array for none."""
    return np.concatenate(parts) if parts else np.empty(0)
