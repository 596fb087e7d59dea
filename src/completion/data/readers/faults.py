"""The sentence of a file that cannot be read: file, place, what was expected and what was there."""

from pathlib import Path


def fault(path: Path, place: str, expected: str, got: str) -> ValueError:
    """Returns the error to raise; `place` is a line, a byte or a part of the file."""
    return ValueError(f"read: {path} must hold {expected} at {place}, got {got}")
