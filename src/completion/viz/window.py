"""A window on a picture: all its panels side by side in one scene that the mouse turns. Saves nothing."""

from typing import Any

import numpy as np

from completion.viz.cubes import cube_mesh
from completion.viz.display import display_answers, display_names
from completion.viz.meshes import open3d_mesh
from completion.viz.picture import Picture
from completion.viz.render import require_open3d
from completion.viz.view_fit import Camera, box_corners, fitted_camera

WIDTH, HEIGHT = 1500, 800
FIELD_OF_VIEW = 60.0
LABELS = {"difference": "difference: red missing, orange wrong"}


def show(picture: Picture) -> None:
    """Opens a window and returns when it is closed.

    Raises:
        ImportError: Open3D is not installed.
        RuntimeError: there is no screen, or one that cannot be opened.
    """
    require_open3d("show")
    if not display_answers():
        raise RuntimeError(
            f"show: the display must be one that can be opened, got {display_names()}; save a picture "
            "instead with save=picture.png"
        )
    import open3d as o3d

    application = o3d.visualization.gui.Application.instance
    application.initialize()
    window = o3d.visualization.O3DVisualizer(picture.heading or "completion", WIDTH, HEIGHT)
    fill(window, picture)
    application.add_window(window)
    application.run()


def fill(window: Any, picture: Picture) -> None:
    """Puts panels, their titles and the legend into an `O3DVisualizer`, and the camera before them."""
    import open3d as o3d

    window.show_settings = False
    window.show_skybox(False)
    window.set_background((1.0, 1.0, 1.0, 1.0), None)
    window.scene.view.set_post_processing(False)  # tone mapping would wash the colours out
    material = o3d.visualization.rendering.MaterialRecord()
    material.shader = "defaultUnlit"  # the light is in the colours
    shifts = panel_shifts(picture)
    for panel, shift in zip(picture.panels, shifts, strict=True):
        if len(panel.coords):
            mesh = open3d_mesh(cube_mesh(panel.coords, panel.colours)).translate(shift)
            window.add_geometry(panel.title, mesh, material)
            middle, top = panel.coords.mean(0) + shift, panel.coords[:, 1].max()
            window.add_3d_label([middle[0], 1.1 * top + 2, middle[2]], LABELS.get(panel.title, panel.title))
    camera = whole_view(picture, shifts)
    if camera is not None:
        window.setup_camera(FIELD_OF_VIEW, camera.centre, camera.eye, [0.0, 1.0, 0.0])


def whole_view(picture: Picture, shifts: np.ndarray) -> Camera | None:
    """A camera that sees the whole row of panels, from the front; None where there is nothing to see."""
    rows = [panel.coords.reshape(-1, 3) + shift for panel, shift in zip(picture.panels, shifts, strict=True)]
    shown = np.concatenate(rows)
    return (
        fitted_camera(box_corners(shown), 15.0, 20.0, FIELD_OF_VIEW, 0.8 * WIDTH / HEIGHT)
        if len(shown)
        else None
    )


def panel_shifts(picture: Picture) -> np.ndarray:
    """Shift float `[panels, 3]` of each panel that puts them in a row along x without touching."""
    shown = np.concatenate([panel.coords.reshape(-1, 3) for panel in picture.panels])
    width = 1.15 * (np.ptp(shown[:, 0]) + 1) if len(shown) else 0.0
    shifts = np.zeros((len(picture.panels), 3))
    shifts[:, 0] = width * np.arange(len(picture.panels))
    return shifts
