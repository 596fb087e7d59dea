"""Reads metrics.csv; what is no number is told by its line, before anything is made of it."""

import csv
from pathlib import Path


def read_rows(file: Path) -> list[dict[str, str]]:
    """The rows as they are written, less what is empty: each has its step, a whole number.

    Raises:
        ValueError: something else is in the file.
    """
    rows = []
    try:
        with open(file, encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            for row in reader:
                fault = _fault(row)
                if fault:
                    raise ValueError(f"{fault} in line {reader.line_num}")
                rows.append({name: value for name, value in row.items() if value})
    except (csv.Error, ValueError) as error:  # of letters too
        raise ValueError(
            f"read_rows: {file} must be a table of numbers with a step in each row, got {error}; "
            "mend or remove the line, or the file"
        ) from error
    return rows


def _fault(row: dict[str, str]) -> str:
    """In words, what is no number where one belongs; nothing for a row of a table."""
    if None in row:
        return "more numbers than names"
    if not (row.get("step") or "").isdecimal():
        return f"{row.get('step')!r} for a step"
    for name, value in row.items():
        try:
            float(value or 0)
        except ValueError:
            return f"{value!r} under {name}"
    return ""
