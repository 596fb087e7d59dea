"""The scores of an evaluation as a table on the terminal; computes none."""

import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from completion.training.evaluate import Evaluation

NARROWEST = 80  # columns in which no number is folded


def print_table(evaluation: "Evaluation", about: dict[str, Any]) -> None:
    """Prints methods by metrics, micro means, with the interval of what was completed."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from completion.training.item_scores import METRICS

    seconds = statistics.median(item.seconds for item in evaluation.items)
    table = Table(
        title=f"{about['data']}, {about['split']} split, {about['resolution']}³, surface voxels",
        caption=f"{len(evaluation.items)} items, {len(evaluation.failures)} failures (scored as empty), "
        f"{len(about['skipped'])} skipped, {evaluation.clipped_share:.1%} of true voxels outside the box, "
        f"median {seconds:.2f} s per item; means over items, in brackets the bootstrap 95 % interval; "
        "cd_l1: lower is better",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("method", overflow="fold")
    for name in METRICS:  # folded in a narrow terminal: what is cut tells nothing
        table.add_column(name.replace("iou_", "iou "), justify="right", overflow="fold")
    for method, averages in evaluation.summary().items():
        table.add_row(method.replace("_", " "), *(cell(name, averages) for name in METRICS))
    terminal = Console()
    Console(width=max(terminal.width, NARROWEST) if terminal.is_terminal else 150).print(table)


def cell(name: str, averages: dict[str, Any]) -> str:
    """One number of the table; nothing where the method has no such score."""
    if name not in averages:
        return ""
    mean = averages[name]["micro"]
    if name != "iou_missing":
        return f"{mean:.2f}" if name == "cd_l1" else f"{mean:.3f}"
    low, high = averages[name]["interval_95"]
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"
