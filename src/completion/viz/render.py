"""Pictures to PNG files: starts the drawing process and says what went wrong when it fails."""

import importlib.util
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from completion.data.files import atomic_path
from completion.data.writable import unwritable
from completion.viz.picture import Picture

LIBRARIES = "libgl1 libegl1 libgomp1 libvulkan1 mesa-vulkan-drivers"
ESCAPE_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def save_pictures(pictures: Sequence[tuple[Picture, str | os.PathLike[str]]], panel_edge: int = 420) -> None:
    """Renders pictures off screen with Open3D and writes each as a PNG file, all of them or none.

    Args:
        pictures: what to show and the file to write.
        panel_edge: edge of one panel in pixels.

    Raises:
        ImportError: Open3D is not installed.
        ValueError: a file does not end in .png or cannot be written.
        RuntimeError: the drawing process failed, for want of a graphics driver as a rule.
    """
    require_open3d("save_pictures")
    if not pictures:
        return
    for _, path in pictures:
        _check_target(Path(path))
    with ExitStack() as files:
        _draw([(picture, files.enter_context(atomic_path(path)), panel_edge) for picture, path in pictures])


def require_open3d(function: str) -> None:
    """Raises ImportError with what to do if Open3D is missing; does not import it, which takes seconds."""
    if importlib.util.find_spec("open3d") is None:
        raise ImportError(
            f"{function}: open3d must be installed to draw, got no such module; pip install open3d"
        )


def _check_target(path: Path) -> None:
    """Refuses a file that is no picture or cannot be written, before anything is drawn."""
    if path.suffix.lower() != ".png":
        raise ValueError(f"save_pictures: path must end in .png, got {path}; choose such a name")
    reason = "Is a directory" if path.is_dir() else unwritable(path.parent)
    if reason:
        raise ValueError(
            f"save_pictures: path must be a file that can be written, got {path} ({reason}); name another"
        )


def _draw(jobs: list[tuple[Picture, Path, int]]) -> None:
    """Runs the drawing process on the jobs; its own chatter is shown only if it fails."""
    drawn = subprocess.run(
        [sys.executable, "-m", "completion.viz.offscreen"], input=pickle.dumps(jobs), capture_output=True
    )
    chatter = ESCAPE_CODES.sub("", (drawn.stderr or drawn.stdout).decode(errors="replace"))
    last = (chatter.strip().splitlines() or ["no message"])[-1]
    if drawn.returncode:
        raise RuntimeError(
            f"save_pictures: the drawing process must end well, got exit code {drawn.returncode} ({last}); "
            f"without a screen it needs {LIBRARIES}"
        )
    if not all(path.is_file() for _, path, _ in jobs):
        folder = jobs[0][1].parent
        raise RuntimeError(f"save_pictures: {folder} must take the pictures, got {last}; make room in it")
