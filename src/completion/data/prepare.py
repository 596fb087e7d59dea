"""A source of shapes → a cached, deterministic folder of prepared samples; owns its layout and index."""

import fcntl
import hashlib
import math
import multiprocessing
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from completion.data.camera import DepthCamera
from completion.data.files import sweep_unfinished, unfinished_folder
from completion.data.frame import DEFAULT_MARGIN
from completion.data.index import (
    Noted,
    PreparedFolder,
    PreparedItem,
    Skipped,
    is_whole,
    names_to_try_again,
    open_prepared,
    read_index,
    write_index,
)
from completion.data.sample import Sample
from completion.data.samples import Recipe, make_samples
from completion.data.shape import Item, Source

MAX_RESOLUTION = 2**15  # voxels per side whose numbers fit the 16 bits of the sparse engine
VERSION = 3  # raise it when prepared samples change, so that old caches are not used
Progress = Callable[[int, int, str], None]


@dataclass
class Outcomes:
    """What became of items: samples, what was left out or changed, and what of it to try again."""

    samples: list[PreparedItem] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)
    again: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Preparation:
    """How shapes become samples. The result is cached under a hash of everything that matters.

    Args:
        cache_dir: folder of all prepared data.
        resolution: voxels per side.
        margin: see `Frame.from_partial`.
        views: scans per shape (pairs bring their own scan and count once).
        num_points: points of the whole surface that are kept per sample, and the most of the scan.
        camera: what simulates the scans.
        seed: of viewpoints and noise.
        workers: processes; 0 prepares in this one. The result does not depend on it.
    """

    cache_dir: str | Path
    resolution: int = 64
    margin: float = DEFAULT_MARGIN
    views: int = 2
    num_points: int = 4096
    camera: DepthCamera = field(default_factory=DepthCamera)
    seed: int = 0
    workers: int = 0

    def __post_init__(self) -> None:
        for name in ("resolution", "views", "num_points"):
            if getattr(self, name) < 1:
                raise ValueError(f"Preparation: {name} must be at least 1, got {getattr(self, name)}")
        if self.resolution > MAX_RESOLUTION:
            raise ValueError(
                f"Preparation: resolution must be at most {MAX_RESOLUTION}, got {self.resolution}; "
                "voxel numbers of the sparse engine end there"
            )
        if not (math.isfinite(self.margin) and self.margin >= 1):
            raise ValueError(f"Preparation: margin must be finite and at least 1, got {self.margin}")
        for name in ("seed", "workers"):
            if getattr(self, name) < 0:
                raise ValueError(f"Preparation: {name} must be at least 0, got {getattr(self, name)}")

    @property
    def recipe(self) -> Recipe:
        """What a worker needs to know."""
        return Recipe(
            self.resolution, float(self.margin), self.views, self.num_points, self.camera, self.seed
        )

    def folder(self, source: Source) -> Path:
        """Returns where the samples of `source` go; the name holds a hash of the source and the recipe."""
        text = f"{VERSION}\n{self.recipe}\n{source.fingerprint()}"
        label = re.sub(r"[^A-Za-z0-9]+", "_", source.name).strip("_").lower() or "data"
        return Path(self.cache_dir) / f"{label}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def run(self, source: Source, progress: Progress | None = None) -> PreparedFolder:
        """Returns the prepared folder, making it first if it is missing or not whole.

        Items that the system kept from being read (rights, a drive, memory) are skipped for this time only:
        the next call tries them again.

        Args:
            source: what to prepare.
            progress: called with (done, total, item name) after each item.

        Raises:
            ValueError: if not one item could be used; the sentence quotes the first reasons.
        """
        folder = self.folder(source)
        if not is_whole(folder):
            # Made under another name and then renamed, so that a folder is whole or absent, also when two
            # runs prepare the same data at once.
            unfinished = unfinished_folder(folder)
            sweep_unfinished(folder.parent)
            try:
                self._fill(unfinished, source, progress)
                _rename(unfinished, folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        elif names_to_try_again(folder):
            self._try_again(folder, source, progress)
        return open_prepared(folder)

    def _fill(self, folder: Path, source: Source, progress: Progress | None) -> None:
        """Makes all samples and the index in `folder`."""
        outcomes = self._outcomes(source, source.items(), folder, progress)
        if not outcomes.samples:
            reasons = "; ".join(f"{entry.name}: {entry.reason}" for entry in outcomes.skipped[:3])
            raise ValueError(f"Preparation.run: source must hold a usable shape, got none ({reasons})")
        self._write(folder, source, outcomes)

    def _try_again(self, folder: Path, source: Source, progress: Progress | None) -> None:
        """Makes in a whole folder what the system kept from it; what is there stays as it is.

        A folder that cannot be written serves as it is.
        """
        with suppress(OSError), _one_at_a_time(folder.parent):
            again = set(names_to_try_again(folder))  # less what another run has made meanwhile
            items = source.items()
            new = self._outcomes(source, [item for item in items if item.name in again], folder, progress)
            if set(new.again) == again:
                return
            places = {item.name: place for place, item in enumerate(items)}

            def joined(old: list[Any], made: list[Any]) -> list[Any]:
                kept = [entry for entry in old if entry.name not in again]
                return sorted(kept + made, key=lambda entry: places[entry.name])

            new_ones = (new.samples, new.skipped, new.noted)
            whole = [joined(old, made) for old, made in zip(read_index(folder), new_ones, strict=True)]
            self._write(folder, source, Outcomes(*whole, again=new.again))

    def _write(self, folder: Path, source: Source, outcomes: Outcomes) -> None:
        """Writes the index of all outcomes."""
        about = {"source": source.name, "recipe": asdict(self.recipe)}
        write_index(folder, outcomes.samples, outcomes.skipped, outcomes.noted, about, outcomes.again)

    def _outcomes(
        self, source: Source, items: list[Item], folder: Path, progress: Progress | None
    ) -> Outcomes:
        """Makes the samples of these items and returns what became of each."""
        outcomes = Outcomes()
        for done, made in enumerate(self._made(source, items, folder), start=1):
            outcomes.samples += made.samples
            outcomes.skipped += made.skipped
            outcomes.noted += made.noted
            outcomes.again += made.again
            if progress is not None:
                progress(done, len(items), items[done - 1].name)
        return outcomes

    def _made(self, source: Source, items: list[Item], folder: Path) -> Iterable[Outcomes]:
        """Yields the outcome of each item, in the order of `items`, whatever the number of workers."""
        jobs = [(source, item, self.recipe, folder) for item in items]
        if self.workers == 0 or len(jobs) < 2:
            yield from map(_prepare_item, jobs)
            return
        # Spawned, not forked: the ray caster's threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.workers, mp_context=context) as pool:
            yield from pool.map(
                _prepare_item, jobs, chunksize=max(1, min(16, len(jobs) // (4 * self.workers)))
            )


def _rename(unfinished: Path, folder: Path) -> None:
    """Gives the folder its name, unless another run was quicker with the same data."""
    with _one_at_a_time(folder.parent):
        if is_whole(folder):
            return
        if folder.exists():
            shutil.rmtree(folder)  # files are missing: what is there cannot be trusted
        os.replace(unfinished, folder)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Lets no two runs change what lies in a folder at the same time."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network folders know no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _prepare_item(job: tuple[Source, Item, Recipe, Path]) -> Outcomes:
    """Makes and writes all samples of one item; a fault in the item is reported, not raised."""
    source, item, recipe, folder = job
    try:
        shape = source.load(item)
        samples = make_samples(shape, item, recipe)
    except ValueError as error:
        return Outcomes(skipped=[Skipped(item.name, f"{type(error).__name__}: {error}")])
    except (OSError, RuntimeError, MemoryError) as error:
        # No fault of what the file holds, so nothing that would show in its stamp when it is over.
        reason = f"{type(error).__name__}: {error}; the next preparation tries it again"
        return Outcomes(skipped=[Skipped(item.name, reason)], again=[item.name])
    noted = [Noted(item.name, shape.note)] if shape.note else []
    return Outcomes([_written(sample, item.split, folder) for sample in samples], noted=noted)


def _written(sample: Sample, split: str, folder: Path) -> PreparedItem:
    """Writes one sample and returns its line of the index."""
    file = f"{split}/{sample.name}_{sample.view}.npz"
    sample.save(folder / file)
    return PreparedItem(sample.name, sample.category, sample.group, split, sample.view, file)
