"""completion evaluate: scores a run on held-out samples, prints the table, writes metrics.json."""

import json
import platform
import re
import resource
import statistics
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from completion.data.dataset import PreparedDataset
    from completion.training.evaluate import Evaluation
    from completion.training.run import Run


def run(cfg: DictConfig) -> None:
    """Evaluates the run `cfg.run` and prints where the metrics are."""
    from completion.cli.score_table import print_table
    from completion.data.writable import check_writable
    from completion.ops.host_memory import keep_freed_memory
    from completion.training.evaluate import evaluate, make_baselines
    from completion.training.run import load_run

    keep_freed_memory()
    check_writable("evaluate: run must be a folder", Path(cfg.run), Path(cfg.run), "change its rights")
    path = metrics_path(Path(cfg.run), None if cfg.name is None else str(cfg.name))
    trained = load_run(cfg.run, cfg.device, cfg.ckpt)
    if any(override.lstrip("+").startswith("paths.cache=") for override in HydraConfig.get().overrides.task):
        trained.value("data.preparation", dict)["cache_dir"] = str(Path(cfg.paths.cache).absolute())
    started = time.perf_counter()
    dataset, skipped = held_out(trained, cfg)
    train = training_shapes(trained, dataset, cfg) if cfg.baselines else None
    baselines = make_baselines(train, trained.model.resolution) if cfg.baselines else {}
    evaluation = evaluate(trained.model, dataset, baselines, cfg.limit, Countdown())
    about = {
        "run": trained.path.name,
        "checkpoint": trained.checkpoint.name,
        "data": dataset.folder.name,
        "split": cfg.split,
        "resolution": trained.model.resolution,
        "margin": trained.config["data"]["preparation"].get("margin"),
        "thresholds": trained.model.thresholds,
        "seed": trained.value("seed", int),
        "skipped": skipped,
        "wall_seconds": round(time.perf_counter() - started, 2),
        "machine": machine(cfg.device),
        "peak_memory_mib": peak_memory_mib(cfg.device),
    }
    try:
        write_metrics(path, about, evaluation)
    finally:  # a folder that cannot be written loses no measurement
        print_table(evaluation, about)
    print(f"metrics: {path}")


def metrics_path(run: Path, name: str | None) -> Path:
    """Where the measures of an evaluation lie.

    Raises:
        ValueError: the name would lead elsewhere.
    """
    if name is not None and not re.fullmatch(r"\w[\w.+=-]*", name):
        raise ValueError(
            f"evaluate: name must be letters, digits, _ . + = or -, got {name!r}; it is part of a file's name"
        )
    return run / ("metrics.json" if name is None else f"metrics_{name}.json")


def held_out(trained: "Run", cfg: DictConfig) -> tuple[Any, list[dict[str, str]]]:
    """The samples to score, and what their source had to leave out.

    `data=…` gives another source, `data.source.…` other values of a source of the run's kind; what it yields
    is prepared exactly as the run's own data were.
    """
    from completion.data.dataset import PreparedDataset
    from completion.training.instantiate import instantiate
    from completion.training.preparing import prepare

    for key in typed_keys():
        if key.startswith("data.") and not key.startswith("data.source."):
            raise ValueError(
                f"evaluate: data must change its source alone, got {key}; the run's own preparation is used"
            )
    own, preparation = trained.value("data.source", dict), trained.value("data.preparation", dict)
    try:
        source = instantiate(source_values(own, cfg), "data.source")
        prepared = prepare(instantiate(preparation, "data.preparation"), source)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}; data.source.root= says where the run's data are now") from error
    skipped = [asdict(entry) for entry in prepared.skipped]
    return PreparedDataset(prepared.path, cfg.split), skipped


def source_values(own: dict[str, Any], cfg: DictConfig) -> dict[str, Any]:
    """What the source is made of: the run's own values or the chosen option's, and those of the command line.

    Args:
        own: of the run.
        cfg: as composed.
    """
    if cfg.get("data") is None:
        return own
    chosen: Any = OmegaConf.to_container(cfg.data.source, resolve=True, throw_on_missing=True)
    if not keeps_own_values(own, cfg):
        return chosen
    typed = {word.removeprefix("data.source.").partition(".")[0] for word in typed_keys()}
    return own | {key: value for key, value in chosen.items() if key in typed}


def keeps_own_values(own: dict[str, Any], cfg: DictConfig) -> bool:
    """Whether the data are the run's own ones, in any place, or others of the kind in a named folder.

    These keep the run's seed and shares: divided in another way, shapes of its training would be tested.

    Args:
        own: source of the run.
        cfg: as composed.
    """
    if cfg.get("data") is None:
        return False
    kind = cfg.data.source.get("_target_")
    if kind is None or kind != own.get("_target_"):
        return kind is None
    return "data.source.root" in typed_keys() or lies_at(own, cfg.data.source.get("root"))


def lies_at(own: dict[str, Any], root: str | None) -> bool:
    """Whether the run's own source is the folder that a chosen option has."""
    return root is not None and "root" in own and Path(own["root"]).resolve() == Path(root).resolve()


def typed_keys() -> list[str]:
    """The keys of the command line."""
    return [word.lstrip("+~").partition("=")[0] for word in HydraConfig.get().overrides.task]


def adapted(overrides: list[str]) -> list[str]:
    """Overrides in which values of the run's own source are known to Hydra too, where no other was chosen.

    Args:
        overrides: in Hydra's grammar.
    """
    if any(override.startswith("data=") for override in overrides):
        return overrides
    return ["+" + word if word.startswith("data.source.") else word for word in overrides]


def as_used(cfg: DictConfig, overrides: list[str]) -> DictConfig:
    """The config without what only trainings take: of data the source is used alone."""
    if cfg.get("data") is not None:
        cfg.data = {"source": cfg.data.source}
    return cfg


def training_shapes(trained: "Run", scored: "PreparedDataset", cfg: DictConfig) -> "PreparedDataset | None":
    """The shapes that the run was trained on, for the baseline of the nearest one; None if they are gone.

    Args:
        trained: the run.
        scored: the samples to score; if they are the run's own that were moved, so are the shapes.
        cfg: as composed.
    """
    from completion.data.dataset import PreparedDataset

    try:
        return trained.make_data().dataset("train")
    except (OSError, ValueError) as error:
        if keeps_own_values(trained.config["data"]["source"], cfg):
            return PreparedDataset(scored.folder, "train")
        print(f"without the baseline of the nearest training shape: {error}", flush=True)
        return None


class Countdown:
    """Prints a line every 10 s, with the time that is left."""

    def __init__(self) -> None:
        self.started = self.last = time.perf_counter()

    def __call__(self, done: int, total: int, name: str) -> None:
        now = time.perf_counter()
        if now - self.last > 10 and done < total:
            left = (now - self.started) / done * (total - done)
            print(f"{done}/{total} items, {left:.0f} s left", flush=True)
            self.last = now


def write_metrics(path: Path, about: dict[str, Any], evaluation: "Evaluation") -> None:
    """Writes everything as JSON, atomically."""
    from completion.data.files import atomic_path

    contents = about | {
        "num_items": len(evaluation.items),
        "num_failures": len(evaluation.failures),
        "seconds_per_item": statistics.median(item.seconds for item in evaluation.items),
        "clipped_share": evaluation.clipped_share,
        "methods": evaluation.summary(),
        "levels": evaluation.level_summary(),
        "items": [asdict(item) for item in evaluation.items],
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(contents, indent=1), encoding="utf-8")


def peak_memory_mib(device: str) -> int:
    """Largest memory so far, of the GPU that the network was on, else of the process, in MiB."""
    import torch

    if device != "cpu":
        return torch.cuda.max_memory_allocated(device) >> 20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> 20 if sys.platform == "darwin" else peak >> 10  # bytes there, KiB elsewhere


def machine(device: str) -> str:
    """What the figures were measured on: the GPU that the network was on, or the threads of the CPU."""
    import torch

    threads = f"{torch.get_num_threads()} threads"
    used = threads if device == "cpu" else torch.cuda.get_device_name(device)
    system = f"{platform.system()} {platform.machine()}, {used}"
    return f"{system}, Python {platform.python_version()}, PyTorch {torch.__version__}"
