"""Preparation as a user sees it: progress lines, what was left out, what was changed; makes no samples."""

from collections.abc import Sequence
from pathlib import Path

from completion.data.index import INDEX, PreparedFolder
from completion.data.prepare import Preparation, Source

SHOWN = 3


def prepare(preparation: Preparation, source: Source) -> PreparedFolder:
    """Returns the prepared folder; prints progress if it has to be made, shapes left out, shapes changed.

    Args:
        preparation: how shapes become samples.
        source: the shapes.

    Raises:
        ValueError: see `Preparation.run`.
    """
    prepared = preparation.run(source, print_progress)
    index = prepared.path / INDEX
    print_first("skipped", [f"{entry.name}: {entry.reason}" for entry in prepared.skipped], index)
    print_first("noted", [f"{entry.name}: {entry.note}" for entry in prepared.noted], index)
    return prepared


def print_first(word: str, lines: Sequence[str], index: Path) -> None:
    """Prints the first few lines, each after `word`, and how many there are in all where that is more."""
    for line in lines[:SHOWN]:
        print(f"{word} {line}", flush=True)
    if len(lines) > SHOWN:
        print(f"{word} {len(lines)} in all; {index} lists them", flush=True)


def print_progress(done: int, total: int, name: str) -> None:
    """Prints about twenty lines over the whole preparation."""
    if done == total or done % max(total // 20, 1) == 0:
        print(f"preparing {done}/{total} {name}", flush=True)
