"""One training at a time per run folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Holds the run folder, which is made if needed; the lock goes with the process, however it ends.

    Only the first process of a distributed training takes it. Where the body raises, folders that were made
    and are still empty go again.

    Raises:
        ValueError: another training holds it.
    """
    if rank_zero_only.rank != 0:  # pyright: ignore[reportFunctionMemberAccess]
        yield
        return
    made = [folder for folder in (run, *run.parents) if not folder.exists()]
    run.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(run, os.O_RDONLY)
    try:
        _lock(descriptor, run)
        yield
    except BaseException:
        with suppress(OSError):  # one that holds something ends it
            for folder in made:
                folder.rmdir()
        raise
    finally:
        os.close(descriptor)


def _lock(descriptor: int, run: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ValueError(
            f"fit: run_dir must be free, got {run}, into which another training writes; name another folder"
        ) from error
