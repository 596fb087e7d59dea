"""The parts of the report that come from metrics.json: paragraphs and tables; draws and computes nothing."""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from completion.viz.report import Interval, Section

HEADINGS = {
    "test": "Held-out measures",
    "validation": "Measures on the validation split",
    "train": "Measures on the training split",
}
LEVELS_NOTE = (
    "<p>support_recall, the share of true voxels that lie in the kept cells, bounds no finer level of a "
    "network that adds the scan's voxels again at each level.</p>"
)
PER_CATEGORY = ("iou", "iou_missing", "precision", "recall", "cd_l1", "fscore@1%")


def own_measures(metrics: dict[str, Any] | None) -> list["Section"]:
    """The tables of the run's metrics.json, under what its split is."""
    from completion.viz.report import Section

    if metrics is None:
        return [Section("Measures", "<p>Not evaluated yet: <code>completion evaluate run=…</code></p>")]
    return measures(metrics, HEADINGS[metrics["split"]])


def measures(metrics: dict[str, Any], heading: str) -> list["Section"]:
    """The table of methods, of levels, of categories, and what was left out."""
    from completion.training.item_scores import METRICS, MODEL
    from completion.viz.report import Section, preformatted, table

    methods = metrics["methods"]
    rows = [
        [name.replace("_", " "), *(cell(averages.get(metric)) for metric in METRICS)]
        for name, averages in methods.items()
    ]
    levels = [[f"stride {stride}", *scores.values()] for stride, scores in metrics["levels"].items()]
    level_names = list(next(iter(metrics["levels"].values())))
    skipped = "\n".join(f"{entry['name']}: {entry['reason']}" for entry in metrics["skipped"])
    failed = "\n".join(f"{item['name']}: {item['failure']}" for item in metrics["items"] if item["failure"])
    return [
        Section(heading, facts(metrics) + table(["method", *METRICS], rows, MODEL)),
        Section(f"{heading}: per level", table(["kept cells", *level_names], levels) + LEVELS_NOTE),
        Section(
            f"{heading}: per category", table(["category", *PER_CATEGORY], categories(metrics), "macro mean")
        ),
        Section(f"{heading}: skipped", preformatted(skipped) if skipped else ""),
        Section(f"{heading}: failures, scored as empty", preformatted(failed) if failed else ""),
    ]


def facts(metrics: dict[str, Any]) -> str:
    """What was measured, on what, in a paragraph."""
    return (
        f"<p>{metrics['num_items']} items of {escape(metrics['data'])} ({metrics['split']} split) at "
        f"{metrics['resolution']}³ with seed {metrics['seed']}, completed by "
        f"{escape(metrics['checkpoint'])}, {metrics['num_failures']} failures "
        f"(scored as empty), {len(metrics['skipped'])} skipped; "
        f"{metrics['clipped_share']:.1%} of true voxels lie outside the box. Median "
        f"{metrics['seconds_per_item']:.2f} s per item, peak memory {metrics['peak_memory_mib']} MiB; "
        f"{escape(metrics['machine'])}.</p><p>Means over items with their bootstrap 95 % interval; cd_l1: "
        "lower is better, all else: higher. The voxelisation floor is what a perfect network would score "
        "with voxel centres for points.</p>"
    )


def cell(average: dict[str, Any] | None) -> "Interval | None":
    """Mean and interval for the table; None where a method has no such score."""
    from completion.viz.report import Interval

    return None if average is None else Interval(average["micro"], *average["interval_95"])


def categories(metrics: dict[str, Any]) -> list[list[Any]]:
    """A row of the model's means per category, then their own mean."""
    from completion.training.item_scores import MODEL

    averages = [metrics["methods"][MODEL][metric] for metric in PER_CATEGORY]
    rows = [[name, *(one["per_category"][name] for one in averages)] for name in averages[0]["per_category"]]
    return [*rows, ["macro mean", *(one["macro"] for one in averages)]]


def other_measures(path: Path) -> list["Section"]:
    """The tables of another evaluation of the run, metrics_<name>.json."""
    from completion.cli.shown import as_written, read_measures

    name = path.stem.removeprefix("metrics_").replace("_", " ")
    metrics = read_measures(path)
    with as_written(path):
        return measures(metrics, f"Measures on {name}")[:1]
