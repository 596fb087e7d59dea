"""Writing files and folders so that a reader sees old or whole new ones, never half of it; owns no format."""

import hashlib
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path beside `path`; it is renamed to `path` on success and removed on an error.

    The temporary name keeps the suffix, because writers choose the format by it.

    Args:
        path: the file to write; its folder is made if it is missing.

    Yields:
        A path in the same folder, which does not exist yet.
    """
    target = Path(path)
    temporary = _beside(target)
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a new folder beside `path`; it gets that name on success and is removed on an error.

    Args:
        path: the folder to make; none there yet, or an empty one.

    Raises:
        ValueError: something is there.
    """
    check_vacant(path)
    temporary = _beside(Path(path))
    temporary.mkdir()
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_vacant(path: str | os.PathLike[str]) -> None:
    """Refuses a place where a file is, or a folder with files in it."""
    place = Path(path)
    if place.is_file() or (place.is_dir() and any(place.iterdir())):
        raise ValueError(f"check_vacant: {place} must be a new or empty folder, got one in use; name another")


def unfinished_folder(target: Path) -> Path:
    """Returns an unused name beside a folder, to make it under; `sweep_unfinished` knows it by that name."""
    return target.with_name(f".part-{_place()}-{os.getpid()}-{secrets.token_hex(4)}-{target.name}")


def sweep_unfinished(folder: Path) -> None:
    """Removes what processes that were killed left of `unfinished_folder` in `folder`.

    What a living process makes stays, and so does what another machine or container made: whether that
    still lives cannot be told from here.
    """
    for path in folder.glob(f".part-{_place()}-*"):
        match = re.match(r"\.part-\w+-(\d+)-", path.name)
        if match is not None and path.is_dir() and not _lives(int(match[1])):
            shutil.rmtree(path, ignore_errors=True)


def _place() -> str:
    """Where process numbers mean the same: a hash of the machine since it was started, and the container."""
    facts = [platform.node()]
    with suppress(OSError):  # Linux alone has these; cloned machines and containers have equal names
        facts += [Path("/proc/sys/kernel/random/boot_id").read_text(), os.readlink("/proc/self/ns/pid")]
    return hashlib.sha256(" ".join(facts).encode()).hexdigest()[:8]


def _lives(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it is someone else's
    return True


def _beside(target: Path) -> Path:
    """An unused name in the same folder, which is made if it is missing; the ending is kept."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f".part-{os.getpid()}-{secrets.token_hex(4)}-{target.name}")
