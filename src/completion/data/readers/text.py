"""Points as text (xyz, txt, csv, pts, asc): split by space, comma, semicolon or tab; header optional."""

from pathlib import Path

import numpy as np

from completion.data.readers.faults import fault
from completion.data.shape import Points

_COMMENTS = ("#", "//", ";")


def read_text(path: Path) -> Points:
    """Returns the columns named x, y, z, or the first three; with nx, ny, nz as normals if they are named.

    A lone count on the first line (pts) and comments are passed over; an empty cell or `nan` makes a row bad.

    Raises:
        FileFault: where a line has not got the numbers, or a pts file not the rows that its count tells of.
    """
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    rows, numbers = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith(_COMMENTS):
            rows.append(_cells(line))
            numbers.append(number)
    if not rows:
        raise fault(path, "its whole length", "lines of three numbers", "none")
    names = [] if _are_numbers(rows[0]) else [cell.lower().strip('"') for cell in rows[0]]
    if names or (len(rows[0]) == 1 and len(rows) > 1 and len(rows[1]) >= 3):
        if path.suffix.lower() == ".pts" and rows[0][0].isdecimal() and int(rows[0][0]) > len(rows) - 1:
            raise fault(path, "its whole length", f"the {rows[0][0]} rows of its count", str(len(rows) - 1))
        rows, numbers = rows[1:], numbers[1:]
    if names and (not rows or not {"x", "y", "z"} <= set(names)):
        raise fault(
            path,
            f"line {max(numbers[0] - 1, 1) if numbers else 1}",
            "numbers, or a header with x, y, z",
            str(names[:6]),
        )
    columns = [names.index(axis) for axis in "xyz"] if names else [0, 1, 2]
    points = _table(path, rows, numbers, columns)
    if {"nx", "ny", "nz"} <= set(names):
        return Points(points, _table(path, rows, numbers, [names.index(axis) for axis in ("nx", "ny", "nz")]))
    return Points(points)


def _cells(line: str) -> list[str]:
    """Returns the cells of a line; between commas or semicolons a cell may be empty, between spaces not."""
    for separator in (",", ";"):
        if separator in line:
            return [cell.strip() or "nan" for cell in line.strip().rstrip(separator).split(separator)]
    return line.split()


def _table(path: Path, rows: list[list[str]], numbers: list[int], columns: list[int]) -> np.ndarray:
    """Returns float64[N, 3] of the chosen columns, naming the first line that has not got them."""
    try:
        return np.array([[row[column] for column in columns] for row in rows], dtype=np.float64).reshape(
            -1, 3
        )
    except (ValueError, IndexError):
        for row, number in zip(rows, numbers, strict=True):
            if len(row) <= max(columns) or not _are_numbers([row[column] for column in columns]):
                raise fault(path, f"line {number}", "three numbers", repr(" ".join(row)[:60])) from None
        raise


def _are_numbers(cells: list[str]) -> bool:
    """Returns whether all cells are numbers (nan is one)."""
    try:
        [float(cell) for cell in cells]
    except ValueError:
        return False
    return True
