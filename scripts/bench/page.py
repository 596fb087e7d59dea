"""What the tables of all pages are made of: lines, heads, cells."""

from collections.abc import Iterable, Iterator
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"


def line(*cells: object) -> str:
    """A line of a table."""
    return "| " + " | ".join("" if cell is None else str(cell) for cell in cells) + " |"


def head(*names: str) -> Iterator[str]:
    """The first two lines of a table."""
    yield line(*names)
    yield "|---" * len(names) + "|"


def yes(holds: bool) -> str:
    """In words."""
    return "yes" if holds else "no"


def slashed(values: Iterable[object]) -> str:
    """The values in one cell."""
    return " / ".join(str(value) for value in values)
