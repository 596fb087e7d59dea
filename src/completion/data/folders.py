"""Files of a folder by suffix, safe item names, and a stamp of the files' state; reads no contents."""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path


def find_files(root: Path, suffixes: Sequence[str]) -> list[Path]:
    """Returns all files below `root` with one of the suffixes (any case), sorted, without hidden ones.

    Raises:
        PermissionError: if `root` may not be read; such a folder below it is passed over.
    """
    if root.is_dir():
        os.scandir(root).close()  # rglob finds nothing in a folder without rights, and says nothing
    found = [path for path in root.rglob("*") if path.suffix.lower() in suffixes and path.is_file()]
    return sorted(
        path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts)
    )


def require_folder(root: Path, owner: str) -> None:
    """Raises FileNotFoundError unless `root` is a folder."""
    if not root.is_dir():
        raise FileNotFoundError(f"{owner}: root must be an existing folder, got {root} (from {Path.cwd()})")


def item_name(relative: Path) -> str:
    """Returns a file name for an item: its relative path with __ between folders.

    Where letters had to change a short hash follows, so that two paths never share a name.
    """
    text = relative.as_posix()
    safe = re.sub(r"[^A-Za-z0-9._+=-]", "_", text.replace("/", "__"))[-120:]
    if safe.replace("__", "/") == text:
        return safe
    return f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def stamp(paths: Iterable[Path]) -> str:
    """Returns a hash that changes when a file is added, removed, renamed or written."""
    digest = hashlib.sha256()
    for path in paths:
        state = path.stat() if path.exists() else None
        name = path.absolute().as_posix()  # the same however the folder was spelled
        facts = (name, state.st_size, state.st_mtime_ns) if state else (name, "missing")
        digest.update(repr(facts).encode())
    return digest.hexdigest()
