"""Whether files can be written in a folder, asked before the work for them is done; writes none."""

import tempfile
from pathlib import Path


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
