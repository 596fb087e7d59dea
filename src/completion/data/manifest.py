"""manifest.csv: rows that say which files there are and what they show; loads none of them."""

import csv
from pathlib import Path

Row = dict[str, str]


def read_manifest(path: Path, columns: tuple[str, ...]) -> list[Row]:
    """Returns the rows of a CSV file with a header.

    Raises:
        ValueError: if one of `columns` is missing, naming file and line.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        try:
            table = csv.DictReader(stream)
            rows, found = list(table), table.fieldnames or []
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"read_manifest: {path} must be CSV text in UTF-8, got {error}") from error
    missing = ", ".join(column for column in columns if column not in found)
    if missing:
        raise ValueError(
            f"read_manifest: {path} must have columns {', '.join(columns)} in line 1, got no {missing}"
        )
    return [{key: value or "" for key, value in row.items() if key} for row in rows]


def first_of_each_path(rows: list[Row]) -> list[Row]:
    """Returns the rows without those whose path an earlier one has: a file counts once."""
    first = {Path(row["path"]): row for row in reversed(rows)}
    return [row for row in rows if first[Path(row["path"])] is row]


def placed(root: Path, entry: str) -> Path:
    """Returns the file that a manifest in `root` means: below `root`, or below its parent."""
    below = root / entry
    return below if below.exists() or not (root.parent / entry).exists() else root.parent / entry
