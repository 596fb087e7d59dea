"""What a picture shows, as data: panels of coloured voxels, captions, legend. Draws nothing."""

from dataclasses import dataclass, field

import numpy as np

from completion.viz.palette import INPUT, MISSING, SHAPE, WRONG, Colour, paint


@dataclass(frozen=True)
class Panel:
    """One view of voxels.

    Attributes:
        title: what is shown, a word or two.
        caption: the fact beneath it, such as a count.
        coords: voxels int `[N, 3]`, unique; y is up.
        colours: float `[N, 3]` in [0, 1].
    """

    title: str
    caption: str
    coords: np.ndarray
    colours: np.ndarray


@dataclass(frozen=True)
class Picture:
    """Panels side by side, seen by the same camera.

    Attributes:
        heading: the line above all panels.
        panels: left to right, at least one.
        legend: meaning and colour, left to right.
        azimuth, elevation: where the camera stands, degrees; 0° looks along −z, 90° along −x.
    """

    heading: str
    panels: list[Panel]
    legend: list[tuple[str, Colour]] = field(default_factory=list)
    azimuth: float = 35.0
    elevation: float = 25.0


def completion_picture(heading: str, partial: np.ndarray, completed: np.ndarray) -> Picture:
    """Input beside completed, the input's voxels marked in both.

    Args:
        heading: the line above.
        partial: voxels of the input, int `[N, 3]`.
        completed: voxels of the completion, int `[M, 3]`.
    """
    legend = [("input", INPUT), ("completed", SHAPE)]
    return Picture(heading, [_input_panel(partial), _completed_panel(partial, completed)], legend)


def comparison_picture(
    heading: str, partial: np.ndarray, completed: np.ndarray, truth: np.ndarray, caption: str = ""
) -> Picture:
    """Input, completed, truth and their difference side by side.

    Args:
        heading: the line above.
        partial: voxels of the input, int `[N, 3]`.
        completed: voxels of the completion, int `[M, 3]`.
        truth: voxels of the whole shape, int `[K, 3]`.
        caption: beneath the difference, such as its IoU.
    """
    whole = Panel("truth", _count(truth), truth, paint(len(truth), SHAPE))
    legend = [("input", INPUT), ("completed / correct", SHAPE), ("missing", MISSING), ("wrong", WRONG)]
    panels = [_input_panel(partial), _completed_panel(partial, completed), whole]
    return Picture(heading, [*panels, _difference_panel(completed, truth, caption)], legend)


def _input_panel(partial: np.ndarray) -> Panel:
    """The partial scan alone."""
    return Panel("input", _count(partial), partial, paint(len(partial), INPUT))


def _completed_panel(partial: np.ndarray, completed: np.ndarray) -> Panel:
    """The completion, with what was already in the input in its colour."""
    colours = paint(len(completed), SHAPE, (is_in(completed, partial), INPUT))
    return Panel("completed", _count(completed), completed, colours)


def _difference_panel(completed: np.ndarray, truth: np.ndarray, caption: str) -> Panel:
    """The union of completion and truth: correct, missing and wrong voxels."""
    missing = truth[~is_in(truth, completed)]
    wrong = ~is_in(completed, truth)
    colours = np.concatenate([paint(len(completed), SHAPE, (wrong, WRONG)), paint(len(missing), MISSING)])
    union = np.concatenate([completed.reshape(-1, 3), missing.reshape(-1, 3)])
    return Panel("difference", caption or f"{len(missing):,} missing, {wrong.sum():,} wrong", union, colours)


def is_in(coords: np.ndarray, others: np.ndarray) -> np.ndarray:
    """bool `[N]`: which voxels int `[N, 3]` are among the others int `[M, 3]`."""
    known = set(map(tuple, np.asarray(others).reshape(-1, 3).tolist()))
    return np.array([tuple(voxel) in known for voxel in np.asarray(coords).tolist()], dtype=bool)


def _count(coords: np.ndarray) -> str:
    """Number of voxels in words."""
    return f"{len(coords):,} voxels"
