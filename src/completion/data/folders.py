"""Files of a folder by suffix, safe item names, and a stamp of the files' state; reads no shapes."""

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from completion.data.readers.gltf import buffer_files


def find_files(root: Path, suffixes: Sequence[str]) -> list[Path]:
    """Returns all files below `root` with one of the suffixes (any case), sorted, without hidden ones.

    Folders that links lead to are searched too, each once. Run folders of this program below `root` are
    passed over: what was completed is no shape to learn from.

    Raises:
        PermissionError: if `root` may not be read; such a folder below it is passed over.
    """
    if root.is_dir():
        os.scandir(root).close()  # os.walk finds nothing in a folder without rights, and says nothing
    below = _files_below(root, root.resolve(), set())
    # os.path answers no where it may not look, Path.is_file would end the search.
    return sorted(path for path in below if path.suffix.lower() in suffixes and os.path.isfile(path))


def _files_below(folder: Path, root: Path, seen: set[str]) -> Iterator[Path]:
    """All that is below a folder and not hidden, what links lead to last.

    Args:
        folder: in it, as it is reached from the root.
        root: resolved; no link to what holds it is followed.
        seen: real paths of the folders searched so far, each of which is searched once.
    """
    links = []
    for place, folders, names in os.walk(folder):
        seen.add(os.path.realpath(place))
        below = [Path(place, name) for name in sorted(folders) if not name.startswith(".")]
        links += [path for path in below if path.is_symlink()]
        folders[:] = [path.name for path in below if path not in links and not _passed_over(path, seen)]
        yield from (Path(place, name) for name in names if not name.startswith("."))
    for link in sorted(links):
        if not _passed_over(link, seen) and not root.is_relative_to(os.path.realpath(link)):
            yield from _files_below(link, root, seen)


def _passed_over(folder: Path, seen: set[str]) -> bool:
    """Whether a folder was searched already, or is a run folder."""
    is_run = os.path.isfile(folder / "config.yaml") and os.path.isdir(folder / "checkpoints")
    return is_run or os.path.realpath(folder) in seen


def require_folder(root: Path, owner: str) -> None:
    """Raises FileNotFoundError unless `root` is a folder."""
    if not root.is_dir():
        raise FileNotFoundError(f"{owner}: root must be an existing folder, got {root} (from {Path.cwd()})")


def item_name(relative: Path) -> str:
    """Returns a file name for an item: its relative path with __ between folders, 127 bytes of UTF-8 at most.

    Letters and digits of any script stay, with their marks. Where others had to change a short hash follows,
    so that two paths never share a name.
    """
    text = relative.as_posix()
    safe = "".join(one if _stays(one) else "_" for one in text.replace("/", "__"))
    safe = safe.encode()[-120:].decode(errors="ignore")  # cut by bytes: that is what file systems limit
    if safe.replace("__", "/") == text:
        return safe
    return f"{safe}-{hash_of_name(text).hex()[:6]}"


def short_stem(path: Path) -> str:
    """The file's name without its ending, as `item_name` cuts it where it is long."""
    return path.stem if len(os.fsencode(path.stem)) <= 120 else item_name(Path(path.stem))


def _stays(one: str) -> bool:
    return one.isalnum() or one in "._+=-" or unicodedata.category(one).startswith("M")


def hash_of_name(text: str) -> bytes:
    """SHA-256 of text with file names in it, which may hold bytes that are no UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def stamp(paths: Iterable[Path]) -> str:
    """Returns a hash that changes when a file is added, removed, renamed or written.

    The files that a gltf names as its buffers count too.
    """
    digest = hashlib.sha256()
    for path in _with_buffers(paths):
        state = path.stat() if path.exists() else None
        name = path.absolute().as_posix()  # the same however the folder was spelled
        facts = (name, state.st_size, state.st_mtime_ns) if state else (name, "missing")
        digest.update(repr(facts).encode())
    return digest.hexdigest()


def _with_buffers(paths: Iterable[Path]) -> Iterator[Path]:
    """Each file, followed by those without which it cannot be read."""
    for path in paths:
        yield path
        if path.suffix.lower() == ".gltf":
            yield from buffer_files(path)
