"""Where a training writes checkpoints and tables, and which of these places are its run's own."""

import glob
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from completion.training.loggers import MetricsCsv
from completion.training.run import CHECKPOINTS, CONFIG, METRICS_FILE, is_config, load_config, relocated


def own_places(run: Path) -> set[Path]:
    """Folders of a run's checkpoints and its tables: the usual ones, and those that its config names."""
    places = [run / CHECKPOINTS, run / METRICS_FILE]
    if is_config(run / CONFIG):
        config = load_config(run)
        config = relocated(config, str(config.get("run_dir", run)), str(run))
        places += [Path(place) for group in ("callbacks", "logger") for place in _named(config.get(group))]
    return {place.resolve() for place in places}


def is_own(run: Path, checkpoint: Path) -> bool:
    """Whether a checkpoint is one of the run."""
    return checkpoint.resolve().parent in own_places(run)


def is_of_a_run(checkpoint: Path) -> bool:
    """Whether a checkpoint lies in a run folder."""
    return any(is_config(folder / CONFIG) for folder in checkpoint.resolve().parents[:2])


def check_places(
    run: Path, callbacks: Mapping[str, Any], loggers: Mapping[str, Any], is_resumed: bool
) -> None:
    """Refuses places of a training in which something else is, or two of its own checkpoints under one name.

    Args:
        run: the run folder, whose own table a new training may replace.
        callbacks: by their keys in the config.
        loggers: likewise.
        is_resumed: the places that the run's config names are its own too.

    Raises:
        ValueError: naming the key and what is there.
    """
    _check_apart(callbacks)
    own = own_places(run) if is_resumed else {(run / METRICS_FILE).resolve()}
    for key, callback in callbacks.items():
        if isinstance(callback, ModelCheckpoint) and callback.dirpath is not None:
            folder = Path(callback.dirpath)
            there = [] if folder.resolve() in own else _replaced(callback, folder)
            if there:
                raise ValueError(
                    f"fit: callbacks.{key}.dirpath must be a folder without other checkpoints, got {folder} "
                    f"with {there[0]}; name another folder, or leave it out"
                )
    for key, logger in loggers.items():
        table = _table(logger)
        goes_on = isinstance(logger, MetricsCsv) and logger.path.resolve() in own
        if table is not None and table.exists() and not goes_on:
            raise ValueError(
                f"fit: logger.{key} must write a new file, got {table}, which is there; "
                "remove it, name another place, or leave that out"
            )


def _check_apart(callbacks: Mapping[str, Any]) -> None:
    """Refuses two callbacks that would write one checkpoint in turns."""
    taken: dict[tuple[Any, Any], str] = {}
    for key, callback in callbacks.items():
        if not isinstance(callback, ModelCheckpoint):
            continue
        other = taken.setdefault((callback.dirpath, callback.filename), key)
        if other != key and not callback._enable_version_counter:
            raise ValueError(
                f"fit: callbacks.{key}.filename must be another than that of callbacks.{other}, "
                f"got {callback.filename} for both; leave it out, or name another folder"
            )


def _named(group: Any) -> Iterator[str]:
    """The places in the nodes of a group of a config."""
    for node in group.values() if isinstance(group, Mapping) else ():
        if isinstance(node, Mapping):
            yield from (node[key] for key in ("dirpath", "path") if isinstance(node.get(key), str))


def _replaced(callback: ModelCheckpoint, folder: Path) -> list[str]:
    """Files in a folder with the names of those to be written; with a counter, a taken name is left alone."""
    if callback._enable_version_counter:
        return []
    names = [callback.filename or "{epoch}", *([callback.CHECKPOINT_NAME_LAST] if callback.save_last else [])]
    patterns = [_pattern(name) + callback.FILE_EXTENSION for name in names]
    return [found for pattern in patterns for found in glob.glob(pattern, root_dir=folder)]


def _pattern(name: str) -> str:
    """Of files that a name with values in it stands for; Lightning puts the values' names into theirs."""
    return re.sub(r"\{[^}]*\}", lambda value: "*" + "/*" * value[0].count("/"), glob.escape(name))


def _table(logger: Any) -> Path | None:
    """The file that a logger keeps its numbers in; Lightning's removes what is there."""
    if isinstance(logger, MetricsCsv):
        return logger.path
    return Path(logger.log_dir) / METRICS_FILE if isinstance(logger, CSVLogger) else None
