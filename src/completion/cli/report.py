"""completion report: one HTML page about a run, from what lies in its folder and new pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

if TYPE_CHECKING:
    from completion.cli.shown import Shown
    from completion.training.run import Run
    from completion.viz.report import Figure

CHARTS = {
    "loss": ("train/loss", "val/loss"),
    "IoU, free-running": ("val/iou", "val/iou_missing"),
    "precision and recall": ("val/precision", "val/recall"),
}


def run(cfg: DictConfig) -> None:
    """Writes the page of the run `cfg.run` and prints its path."""
    from completion.cli.report_measures import other_measures, own_measures
    from completion.cli.shown import MEASURES_FILE, as_written, read_metrics
    from completion.data.files import atomic_path
    from completion.training.run import METRICS_FILE, config_value, load_config
    from completion.viz.report import Section, page, pictures, preformatted

    folder = Path(cfg.run)
    config = load_config(folder)
    name = config_value(folder, config, "name", str | int | float)
    metrics = read_metrics(folder)
    output = Path(cfg.output) if cfg.output else folder / "report.html"
    check_output(output)
    with as_written(folder / MEASURES_FILE):
        own = own_measures(metrics)
    sections = [
        *own,
        *(part for path in sorted(folder.glob("metrics_*.json")) for part in other_measures(path)),
        Section("Training", charts(folder / METRICS_FILE)),
        Section("Best, median and worst", samples(folder, metrics) if metrics and cfg.pictures else ""),
        Section("Completed scans", pictures(png_files(folder / "completed"))),
        Section("Config", preformatted((folder / "config.yaml").read_text(encoding="utf-8"))),
    ]
    note = "Partial scan in, surface voxels of the whole shape out; the grid is fitted to the scan alone."
    with atomic_path(output) as temporary:
        temporary.write_text(page(f"{name}: {folder.name}", note, sections), encoding="utf-8")
    print(f"report: {output}")


def check_output(output: Path) -> None:
    """Refuses a place for the page that is no page or cannot be written, before anything is drawn.

    Raises:
        ValueError: saying which.
    """
    from completion.data.writable import check_writable

    if output.is_dir():
        raise ValueError(f"report: output must be a file, got the folder {output}; name a page in it")
    if output.suffix.lower() != ".html":
        raise ValueError(f"report: output must be a .html file, got {output}; name it so")
    check_writable("report: output must be a file", output, output.parent)


def charts(path: Path) -> str:
    """The curves of metrics.csv, side by side."""
    from completion.training.metrics_table import read_rows
    from completion.viz.curves import line_chart

    if not path.is_file():
        return ""
    rows = read_rows(path)
    drawn = []
    for title, names in CHARTS.items():
        lines = {
            name: [(float(row["step"]), float(row[name])) for row in rows if row.get(name)] for name in names
        }
        drawn.append(line_chart(title, lines))
    return f'<div class="charts">{"".join(drawn)}</div>'


def samples(folder: Path, metrics: dict[str, Any]) -> str:
    """The pictures of the best, median and worst items, or a line that says why there are none.

    They are drawn by the checkpoint that was measured, from the data it was measured on.
    """
    from completion.cli import shown
    from completion.training.run import CHECKPOINTS, load_run
    from completion.viz.report import paragraph, pictures

    checkpoint = folder / CHECKPOINTS / metrics["checkpoint"]
    if not checkpoint.is_file():
        return paragraph(f"No pictures: the run has no {CHECKPOINTS}/{checkpoint.name}, which was measured.")
    trained = load_run(folder, ckpt=str(checkpoint))
    try:
        dataset = trained.make_data().dataset(metrics["split"])
    except (OSError, ValueError) as error:
        return paragraph(f"No pictures: the run's data are not there ({error}).")
    if not shown.measured(dataset, metrics):
        return paragraph(f"No pictures: {metrics['data']}, which was measured, is not the run's own data.")
    return pictures(drawn(trained, shown.ranked_samples(dataset, metrics, folder)))


def drawn(trained: "Run", chosen: list["Shown"]) -> list["Figure"]:
    """The pictures of samples, drawn into <run>/pictures."""
    from completion.cli import shown
    from completion.data.writable import check_writable
    from completion.viz.render import save_pictures
    from completion.viz.report import Figure

    if not chosen:
        return []
    folder = trained.path / "pictures"
    remedy = "leave the pictures out with pictures=false"
    check_writable("report: run must be a folder", trained.path, folder, remedy)
    paths = [shown.picture_path(folder, one) for one in chosen]
    try:
        save_pictures(
            [(shown.sample_picture(trained, one), path) for path, one in zip(paths, chosen, strict=True)]
        )
    except ImportError as error:
        raise ImportError(f"{error}, or leave the pictures out with pictures=false") from error
    remove_earlier(folder, paths)
    return [
        Figure(f"{one.label}: {one.sample.name} ({one.sample.category})", path.read_bytes())
        for path, one in zip(paths, chosen, strict=True)
    ]


def remove_earlier(folder: Path, kept: list[Path]) -> None:
    """Removes what is named as pictures of best, median and worst items are: those of an earlier report."""
    from completion.cli.shown import RANKED_PICTURE

    for path in set(folder.iterdir()) - set(kept):
        if RANKED_PICTURE.fullmatch(path.name):
            path.unlink()


def png_files(folder: Path) -> list["Figure"]:
    """The pictures that lie in a folder."""
    from completion.viz.report import Figure

    return [Figure(path.stem, path.read_bytes()) for path in sorted(folder.glob("*.png"))]
