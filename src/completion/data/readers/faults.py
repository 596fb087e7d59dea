"""The sentence of a file that cannot be read: file, place, what was expected and what was there."""

from pathlib import Path


class FileFault(ValueError):
    """A file that is not what its suffix says, told in one sentence."""


def fault(path: Path, place: str, expected: str, got: str) -> FileFault:
    """Returns the error to raise; `place` is a line, a byte or a part of the file."""
    return FileFault(f"read: {path} must hold {expected} at {place}, got {got}")
