"""Writing files so that a reader sees the old file or the whole new one, never half of it; owns no format."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
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
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".part-{os.getpid()}-{secrets.token_hex(4)}-{target.name}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
