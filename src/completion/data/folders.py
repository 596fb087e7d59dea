"""Files of a folder by suffix, safe item names, and a stamp of the files' state; reads no contents."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path


def find_files(root: Path, suffixes: Sequence[str]) -> list[Path]:
    """Returns all files below `root` with one of the suffixes (any case), sorted, without hidden ones.

    Folders that links lead to are searched too, each once. Run folders of this program below `root` are
    passed over: what was completed is no shape to learn from.

    Raises:
        PermissionError: if `root` may not be read; such a folder below it is passed over.
    """
    if root.is_dir():
        os.scandir(root).close()  # os.walk finds nothing in a folder without rights, and says nothing
    found = [path for path in _files_below(root, set()) if path.suffix.lower() in suffixes and path.is_file()]
    return sorted(found)


def _files_below(root: Path, seen: set[Path]) -> Iterator[Path]:
    """All that is below `root` and not hidden, of links last; `seen` are the folders searched already."""
    links = []
    for place, folders, names in os.walk(root):
        folder = Path(place)
        seen.add(folder.resolve())
        below = [folder / name for name in folders if not name.startswith(".")]
        links += [path for path in below if path.is_symlink()]
        folders[:] = [path.name for path in below if not path.is_symlink() and not _is_run(path)]
        yield from (folder / name for name in names if not name.startswith("."))
    for link in sorted(links):
        target = link.resolve()
        # What holds the root or was searched: a loop, or a second way to the same.
        if target in seen or root.resolve().is_relative_to(target) or _is_run(target):
            continue
        yield from _files_below(link, seen)


def _is_run(folder: Path) -> bool:
    return (folder / "config.yaml").is_file() and (folder / "checkpoints").is_dir()


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
    return f"{safe}-{hash_of_name(text).hex()[:6]}"


def hash_of_name(text: str) -> bytes:
    """SHA-256 of text with file names in it, which may hold bytes that are no UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def stamp(paths: Iterable[Path]) -> str:
    """Returns a hash that changes when a file is added, removed, renamed or written."""
    digest = hashlib.sha256()
    for path in paths:
        state = path.stat() if path.exists() else None
        name = path.absolute().as_posix()  # the same however the folder was spelled
        facts = (name, state.st_size, state.st_mtime_ns) if state else (name, "missing")
        digest.update(repr(facts).encode())
    return digest.hexdigest()
