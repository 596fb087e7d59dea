"""Which samples of a run are looked at, and their pictures; for view and report. Draws nothing."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from completion.data.splits import SPLITS

if TYPE_CHECKING:
    from completion.data.dataset import PreparedDataset
    from completion.data.sample import Sample
    from completion.training.run import Run
    from completion.viz.picture import Picture

RANKED_BY = "iou"
"""Not iou_missing: where a scan saw almost all, a voxel or two decide between its best and its worst."""
RANKED_PICTURE = re.compile(r"(best|median|worst)_.+_\d+\.png")
"""What `picture_path` names the pictures of `ranked_samples`."""
MEASURES_FILE = "metrics.json"
MEASURES = {
    **{"data": str, "split": str, "methods": dict, "levels": dict},
    **{"items": list, "skipped": list, "checkpoint": str},
}
"""What `completion evaluate` writes, and what each is."""


@dataclass(frozen=True)
class Shown:
    """A sample with the reason why it is shown, such as "best"."""

    label: str
    sample: "Sample"


def read_metrics(run: Path) -> dict[str, Any] | None:
    """The contents of a run's metrics.json, or None before `completion evaluate`."""
    path = run / MEASURES_FILE
    return read_measures(path) if path.is_file() else None


def read_measures(path: Path) -> dict[str, Any]:
    """What `completion evaluate` wrote.

    Raises:
        ValueError: something else is in the file.
    """
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"read_measures: {path} must be JSON, got {error}; evaluate again") from error
    if not isinstance(metrics, dict):
        raise ValueError(f"read_measures: {path} must have {', '.join(MEASURES)}, got none; evaluate again")
    wrong = [key for key, kind in MEASURES.items() if not isinstance(metrics.get(key), kind)]
    if wrong:
        raise ValueError(
            f"read_measures: {path} must have {', '.join(wrong)}, got none or others; evaluate again"
        )
    if metrics["split"] not in SPLITS:
        raise ValueError(
            f"read_measures: split in {path} must be one of {', '.join(SPLITS)}, got {metrics['split']}; "
            "evaluate again"
        )
    return metrics


@contextmanager
def as_written(path: Path) -> Iterator[None]:
    """Around what is made of measures alone: where they are not as written, that is told.

    Raises:
        ValueError: naming the file.
    """
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, StopIteration) as error:
        found = f"no {error}" if isinstance(error, KeyError) else "values of other kinds"
        raise ValueError(
            f"read_measures: {path} must be as `completion evaluate` writes it, got {found}; evaluate again"
        ) from error


def measured(dataset: "PreparedDataset", metrics: dict[str, Any]) -> bool:
    """Whether an evaluation's items are those of the data set; names alone may be those of other data."""
    return metrics["data"] == dataset.folder.name and metrics["split"] == dataset.split


def ranked_samples(dataset: "PreparedDataset", metrics: dict[str, Any], run: Path) -> list[Shown]:
    """The best, median and worst items of a finished evaluation, by IoU.

    Args:
        dataset: the one that was evaluated.
        metrics: contents of metrics.json.
        run: its folder, for messages.
    """
    rows = {(item.name, item.view): row for row, item in enumerate(dataset.items)}
    with as_written(run / MEASURES_FILE):
        items = [item for item in metrics["items"] if (item["name"], item["view"]) in rows]
        items.sort(key=lambda item: item["methods"]["model"][RANKED_BY], reverse=True)
    return [
        Shown(label, dataset[rows[items[place]["name"], items[place]["view"]]])
        for label, places in ranked_places(len(items)).items()
        for place in places
    ]


def ranked_places(count: int) -> dict[str, list[int]]:
    """Where the best, median and worst of `count` items stand, best first; none stands twice.

    Two at each end, one where there are few, and of what is left the item or the two in the middle.
    """
    ends = 2 if count >= 5 else 1
    places = list(range(count))
    best, rest = places[:ends], places[ends:]
    worst, left = rest[-ends:], rest[:-ends]
    return {"best": best, "median": left[(len(left) - 1) // 2 : len(left) // 2 + 1], "worst": worst}


def named_sample(dataset: "PreparedDataset", item: str | int) -> Shown:
    """The sample with a name (or the beginning of one), or in a row of the split.

    Raises:
        ValueError: no such sample; names some that are there.
    """
    names = [entry.name for entry in dataset.items]
    if str(item).isdecimal() and int(item) < len(names):
        return Shown(f"item {item}", dataset[int(item)])
    typed = normalize("NFC", str(item))  # a keyboard and a file system may write one letter in two ways
    for row, name in enumerate(names):
        if normalize("NFC", name).startswith(typed):
            return Shown(f"item {row}", dataset[row])
    some = ", ".join(list(dict.fromkeys(names))[:3])
    raise ValueError(f"view: item must be a number below {len(names)} or a name such as {some}, got {item}")


def sample_picture(trained: "Run", shown: Shown) -> "Picture":
    """Input, completion, truth and difference of a sample, with its IoU."""
    from completion.metrics import voxel_scores
    from completion.training.inference import predict
    from completion.viz.picture import comparison_picture

    sample = shown.sample
    coords = predict(trained.model, sample.partial_coords).coords
    scores = voxel_scores(coords, sample.complete_coords, sample.partial_coords, sample.frame.resolution)
    heading = f"{shown.label}: {sample.name}, view {sample.view} ({sample.category})"
    caption = f"IoU {scores['iou']:.2f}, of what was missing {scores['iou_missing']:.2f}"
    return comparison_picture(heading, sample.partial_coords, coords, sample.complete_coords, caption)


def picture_path(folder: Path, shown: Shown) -> Path:
    """The file for a shown sample."""
    return folder / f"{shown.label.replace(' ', '_')}_{shown.sample.name}_{shown.sample.view}.png"
