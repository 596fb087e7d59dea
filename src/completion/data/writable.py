"""Whether files can be written in a folder, asked before the work for them is done; writes none."""

import tempfile
from pathlib import Path


def check_writable(expected: str, got: Path, folder: Path, remedy: str = "name another") -> None:
    """Refuses a folder in which no file can be made.

    Args:
        expected: how the sentence begins, as "report: output must be a file".
        got: what the user named.
        folder: in which files are to be made.
        remedy: how the sentence ends.

    Raises:
        ValueError: the sentence.
    """
    reason = unwritable(folder)
    if reason:
        raise ValueError(f"{expected} that can be written, got {got} ({reason}); {remedy}")


def unwritable(folder: Path) -> str:
    """Why no file can be made in a folder, in the system's words; empty where one can.

    Args:
        folder: may be missing yet, and the folders above it; the first that is there is asked.
    """
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        # Rights alone do not tell: the superuser passes them, and a read-only file system ignores them.
        with tempfile.TemporaryFile(dir=there):
            return ""
    except OSError as error:
        return error.strerror or str(error)
