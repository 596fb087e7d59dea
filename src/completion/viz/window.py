"""A window on a picture: all its panels side by side in one scene that the mouse turns. Saves nothing."""

import os
import sys

import numpy as np

from completion.viz.cubes import cube_mesh
from completion.viz.meshes import open3d_mesh
from completion.viz.picture import Picture
from completion.viz.render import require_open3d


def show(picture: Picture) -> None:
    """Opens a window and returns when it is closed.

    Raises:
        ImportError: Open3D is not installed.
        RuntimeError: there is no screen.
    """
    require_open3d("show")
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise RuntimeError("show: the display must be set to open a window, got none; save a picture instead")
    import open3d as o3d

    geometry = []
    for panel, shift in zip(picture.panels, panel_shifts(picture), strict=True):
        if len(panel.coords):
            mesh = open3d_mesh(cube_mesh(panel.coords, panel.colours))
            geometry.append({"name": panel.title, "geometry": mesh.translate(shift)})
    o3d.visualization.draw(geometry, title=picture.heading, show_ui=True, bg_color=(1.0, 1.0, 1.0, 1.0))


def panel_shifts(picture: Picture) -> np.ndarray:
    """Shift float `[panels, 3]` of each panel that puts them in a row along x without touching."""
    shown = np.concatenate([panel.coords.reshape(-1, 3) for panel in picture.panels])
    width = 1.15 * (np.ptp(shown[:, 0]) + 1) if len(shown) else 0.0
    shifts = np.zeros((len(picture.panels), 3))
    shifts[:, 0] = width * np.arange(len(picture.panels))
    return shifts
