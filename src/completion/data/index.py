"""index.json of a prepared folder: what it holds, what was left out; needs no torch (workers)."""

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from completion.data.files import atomic_path
from completion.data.splits import SPLITS

INDEX = "index.json"


@dataclass(frozen=True)
class PreparedItem:
    """One line of the index: what a sample is, unloaded; `file` is relative to the folder."""

    name: str
    category: str
    group: str
    split: str
    view: int
    file: str


@dataclass(frozen=True)
class Skipped:
    """An item that could not be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Noted:
    """An item that is used, and what reading its files changed."""

    name: str
    note: str


@dataclass
class PreparedFolder:
    """Where the samples are, how many per split, what was left out and what was changed."""

    path: Path
    counts: dict[str, int]
    skipped: list[Skipped] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)


def write_index(
    folder: Path,
    items: list[PreparedItem],
    skipped: list[Skipped],
    noted: list[Noted],
    about: dict[str, Any],
    again: list[str],
) -> None:
    """Writes the index atomically.

    Args:
        folder: of the samples.
        items, skipped, noted: what `read_index` returns.
        about: says for people where the data come from.
        again: names of skipped items that are worth another try, see `names_to_try_again`.
    """
    index = about | {
        "skipped": [asdict(entry) for entry in skipped],
        "noted": [asdict(entry) for entry in noted],
        "items": [asdict(item) for item in items],
    }
    if again:
        index["again"] = again
    with atomic_path(folder / INDEX) as temporary:
        temporary.write_text(json.dumps(index, indent=1), encoding="utf-8")


def read_index(folder: Path) -> tuple[list[PreparedItem], list[Skipped], list[Noted]]:
    """Returns the samples of a prepared folder, what was left out and what was changed.

    Raises:
        FileNotFoundError: if there is no index: the folder was never prepared.
        ValueError: if it is not such an index.
    """
    path = folder / INDEX
    if not path.is_file():
        raise FileNotFoundError(f"read_index: folder must hold {INDEX}, got {folder}; prepare the data first")
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        return (
            [PreparedItem(**item) for item in index["items"]],
            [Skipped(**entry) for entry in index["skipped"]],
            [Noted(**entry) for entry in index.get("noted", [])],  # older folders have none
        )
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"read_index: {path} must be an index of prepared samples, got {error}; prepare again"
        ) from error


def names_to_try_again(folder: Path) -> list[str]:
    """Returns the skipped items whose files may well be good: the system kept them from being used."""
    return json.loads((folder / INDEX).read_text(encoding="utf-8")).get("again", [])


def is_whole(folder: Path) -> bool:
    """Returns whether the index can be read and all samples that it names are there; opens none of them."""
    try:
        items, *_ = read_index(folder)
    except (FileNotFoundError, ValueError):
        return False
    # Listing a folder is much quicker than asking for each file, on a network above all.
    splits = [split for split in SPLITS if (folder / split).is_dir()]
    there = {f"{split}/{name}" for split in splits for name in os.listdir(folder / split)}
    return all(item.file in there for item in items)


def open_prepared(folder: Path) -> PreparedFolder:
    """Returns what the index of a prepared folder says."""
    items, skipped, noted = read_index(folder)
    counts = Counter(item.split for item in items)
    return PreparedFolder(folder, {split: counts[split] for split in SPLITS}, skipped, noted)
