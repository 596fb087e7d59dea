"""completion view: shows completions of a run in a window, or saves pictures of them without a screen."""

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

if TYPE_CHECKING:
    from completion.training.run import Run
    from completion.viz.picture import Picture

FLAGS = {"--save": "save"}


def run(cfg: DictConfig) -> None:
    """Shows or saves what `cfg` asks for."""
    from completion.training.run import load_run
    from completion.viz.render import save_pictures
    from completion.viz.window import show

    if cfg.save is not None and Path(cfg.save).suffix.lower() not in ("", ".png"):
        raise ValueError(f"view: save must be a .png file or a folder, got {cfg.save}; name it so")
    pictures = wanted_pictures(load_run(cfg.run, ckpt=cfg.ckpt), cfg)
    if cfg.save is None:
        show(next(iter(pictures.values())))
        return
    target = Path(cfg.save)
    if target.suffix.lower() == ".png":
        files = {target: next(iter(pictures.values()))}
    else:
        files = {target / name: picture for name, picture in pictures.items()}
    save_pictures([(picture, path) for path, picture in files.items()])
    for path in files:
        print(path)


def wanted_pictures(trained: "Run", cfg: DictConfig) -> dict[str, "Picture"]:
    """File name → picture, the most interesting first."""
    from completion.cli import shown
    from completion.data.folders import short_stem

    if cfg.input is not None:
        return {f"{short_stem(Path(cfg.input))}.png": scan_picture(trained, Path(cfg.input), list(cfg.up))}
    dataset = trained.make_data().dataset(cfg.split)
    metrics = shown.read_metrics(trained.path)
    if cfg.item is not None:
        chosen = [shown.named_sample(dataset, cfg.item)]
    elif metrics is not None and shown.measured(dataset, metrics):
        chosen = shown.ranked_samples(dataset, metrics, trained.path)
    else:
        chosen = [shown.named_sample(dataset, row) for row in range(min(4, len(dataset)))]
    folder = Path()
    return {shown.picture_path(folder, one).name: shown.sample_picture(trained, one) for one in chosen}


def scan_picture(trained: "Run", path: Path, up: list[float]) -> "Picture":
    """Input and completion of a scan that has no truth."""
    from completion.data.readers import read_points
    from completion.training.complete import complete_scan
    from completion.viz.picture import completion_picture

    margin = trained.value("data.preparation.margin", float)
    scan = complete_scan(trained.model, read_points(path).points, margin, up)
    return completion_picture(path.name, scan.partial_coords, scan.prediction.coords)
