"""completion complete: completes a scan, or all scans of a folder, with a trained run."""

import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

if TYPE_CHECKING:
    from completion.training.complete import CompletedScan
    from completion.training.run import Run

# By which an archive of `save_completed` is known again.
ARRAYS = {"coords.npy", "partial_coords.npy", "probability.npy", "num_outside.npy"}


@dataclass(frozen=True)
class Job:
    """One scan to complete, and the results' path without ending."""

    path: Path
    stem: Path

    @property
    def results(self) -> list[Path]:
        """The files that the results go to."""
        return results_at(self.stem)


def results_at(stem: Path) -> list[Path]:
    """The files of the results with a path without ending."""
    from completion.training.complete import ENDINGS

    return [stem.with_name(stem.name + ending) for ending in ENDINGS]


def run(cfg: DictConfig) -> None:
    """Completes `cfg.input`; a broken file in a folder is skipped, named and counted."""
    from completion.data.orientation import rotation_to_y_up
    from completion.ops.host_memory import keep_freed_memory
    from completion.training.run import load_run

    keep_freed_memory()
    rotation_to_y_up(list(cfg.up))  # a wrong direction is no fault of each scan
    output = Path(cfg.output) if cfg.output else None
    if output is not None and any(place.is_file() for place in (output, *output.parents)):
        raise ValueError(f"complete: output must be a folder, got the file {output}; name another")
    trained = load_run(cfg.run, cfg.device, cfg.ckpt)
    source = Path(cfg.input)
    jobs = find_jobs(source, output or trained.path / "completed")
    check_results(jobs)
    failures = []
    for done, job in enumerate(jobs, start=1):
        try:
            scan, about = complete_file(trained, job.path, list(cfg.up))
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            if not source.is_dir():
                raise
            failures.append(job.path)
            print(f"{done}/{len(jobs)} skipped {job.path}: {error}", flush=True)
        else:  # a fault of the output is none of the scan's: it ends the call
            print(f"{done}/{len(jobs)} {about} → {write_results(scan, job)}", flush=True)
    print(f"completed {len(jobs) - len(failures)} of {len(jobs)} scans into {jobs[0].stem.parent}")
    if len(failures) == len(jobs):
        raise ValueError(f"complete: input must hold a scan that can be read, got none in {cfg.input}")


def find_jobs(source: Path, output: Path) -> list[Job]:
    """The scans to complete: the file itself, or all readable files below a folder, without results."""
    from completion.data.folders import short_stem
    from completion.data.scan_folder import ScanFolder

    if not source.is_dir():
        return [Job(source, output / short_stem(source))]
    if output.resolve() == source.resolve():
        raise ValueError(
            f"complete: output must be another folder than input, got {output} for both; the next call would "
            f"take results for scans; name another, such as {output / 'completed'}"
        )
    found = [item.path for item in ScanFolder(source, results=output).items() if item.path is not None]
    archives = [path for path in found if path.suffix == ".npz" and is_result(path)]
    earlier = {path for archive in archives for path in results_at(archive.with_suffix(""))}
    paths = [path for path in found if path not in earlier]
    if len(paths) < len(found):
        print(f"passed over {len(found) - len(paths)} files that this command wrote", flush=True)
    if not paths:
        raise ValueError(f"complete: input must hold scans, got results of this command alone in {source}")
    names = result_names([path.relative_to(source) for path in paths])
    return [Job(path, output / name) for path, name in zip(paths, names, strict=True)]


def result_names(paths: Sequence[Path]) -> list[str]:
    """A name for the results of each scan, no two alike: its path without ending, where that is enough.

    Args:
        paths: the scans, relative to their folder; no two alike.
    """
    from completion.data.folders import item_name

    names = [item_name(path.with_suffix("")) for path in paths]
    short = set(range(len(paths)))
    while True:
        counts = Counter(names)
        shared = {row for row in short if counts[names[row]] > 1}
        if not shared:
            return names
        # a.txt and a.xyz become a_txt and a_xyz, which may be the name of a third file: hence the loop.
        for row in shared:
            names[row] += paths[row].suffix.replace(".", "_")
        short -= shared


def check_results(jobs: list[Job]) -> None:
    """Refuses a folder that cannot be written, and a result that would replace a scan or another file.

    Raises:
        ValueError: naming the folder or the file; earlier results alone are replaced.
    """
    from completion.data.writable import check_writable

    folder = jobs[0].stem.parent
    check_writable("complete: output must be a folder", folder, folder)
    scans = {job.path.resolve() for job in jobs}
    for job in jobs:
        replaceable = is_result(job.results[0])
        for path in job.results:
            if path.exists() and (path.resolve() in scans or not replaceable):
                raise ValueError(
                    "complete: output must be a folder where results replace nothing but earlier results, "
                    f"got {path} in the way; name another folder or move that file"
                )


def is_result(archive: Path) -> bool:
    """Whether a file is an archive that this command wrote; the results beside it are known by it."""
    try:
        with zipfile.ZipFile(archive) as entries:
            return set(entries.namelist()) >= ARRAYS
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        # NotImplementedError is zipfile's word for archives of newer kinds than it reads: none of ours.
        return False


def complete_file(trained: "Run", path: Path, up: list[float]) -> "tuple[CompletedScan, str]":
    """Completes one file and writes nothing; the completion, and a line about it."""
    from completion.data.readers import read_points
    from completion.training.complete import complete_scan

    points = read_points(path)
    margin = trained.value("data.preparation.margin", float)
    scan = complete_scan(trained.model, points.points, margin, up)
    outside = f", {scan.num_outside} stray points left out" if scan.num_outside else ""
    note = f" ({points.note})" if points.note else ""
    return scan, (
        f"{path.name}: {scan.num_input_points} points{outside} → {len(scan.partial_coords)} voxels → "
        f"{len(scan.prediction.coords)} completed, voxel size {scan.frame.voxel_size:.4g}{note}"
    )


def write_results(scan: "CompletedScan", job: Job) -> Path:
    """Writes the results of a job and returns the first of them.

    Raises:
        ValueError: they cannot be written, for want of room as a rule.
    """
    from completion.training.complete import save_completed

    try:
        return save_completed(scan, job.stem)[0]
    except OSError as error:
        raise ValueError(
            f"complete: output must be a folder that can be written, got {job.stem.parent} "
            f"({error.strerror or error}) at the results of {job.path}; make room or name another"
        ) from error
