"""Preparation as a user sees it: progress lines while it runs, and what was left out; makes no samples."""

from completion.data.index import INDEX, PreparedFolder
from completion.data.prepare import Preparation, Source

SHOWN = 3


def prepare(preparation: Preparation, source: Source) -> PreparedFolder:
    """Returns the prepared folder; prints progress if it has to be made, and the shapes left out.

    Args:
        preparation: how shapes become samples.
        source: the shapes.

    Raises:
        ValueError: see `Preparation.run`.
    """
    prepared = preparation.run(source, print_progress)
    for skipped in prepared.skipped[:SHOWN]:
        print(f"skipped {skipped.name}: {skipped.reason}", flush=True)
    if len(prepared.skipped) > SHOWN:
        print(f"skipped {len(prepared.skipped)} in all; {prepared.path / INDEX} lists them", flush=True)
    return prepared


def print_progress(done: int, total: int, name: str) -> None:
    """Prints about twenty lines over the whole preparation."""
    if done == total or done % max(total // 20, 1) == 0:
        print(f"preparing {done}/{total} {name}", flush=True)
