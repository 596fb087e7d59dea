"""The process that draws: reads pictures from standard input, renders them with Open3D, writes PNG files.

It is a process of its own because a missing graphics driver ends it without an exception. render.py starts
it.
"""

import pickle
import sys
from pathlib import Path

import numpy as np

from completion.viz.canvas import composed
from completion.viz.cubes import CubeMesh, cube_mesh
from completion.viz.meshes import open3d_mesh
from completion.viz.picture import Panel, Picture
from completion.viz.shadow import floor_shadow
from completion.viz.view_fit import FIELD_OF_VIEW, Camera, box_corners, fitted_camera

OVERSAMPLING = 2


def main() -> None:
    """Draws every picture of the pickled list of (picture, path, panel edge in pixels) on standard input."""
    jobs: list[tuple[Picture, Path, int]] = pickle.load(sys.stdin.buffer)
    import open3d as o3d

    size = max(edge for *_, edge in jobs) * OVERSAMPLING
    renderer = o3d.visualization.rendering.OffscreenRenderer(size, size)
    renderer.scene.set_background([1.0, 1.0, 1.0, 1.0])
    renderer.scene.view.set_post_processing(False)
    renderer.scene.view.set_sample_count(1)
    for picture, path, edge in jobs:
        views = [reduced(view, size // edge) for view in rendered_panels(renderer, picture, size)]
        sheet = o3d.geometry.Image(composed(picture, views))  # type: ignore[reportCallIssue]
        if not o3d.io.write_image(path, sheet):
            path.unlink(missing_ok=True)  # half a picture, for want of room as a rule; render.py misses it


def rendered_panels(renderer, picture: Picture, size: int) -> list[np.ndarray]:
    """Each panel as uint8 `[S, S, 3]`, all seen by one camera that fits the voxels of all."""
    shown = np.concatenate([panel.coords.reshape(-1, 3) for panel in picture.panels])
    if len(shown) == 0:
        return [np.full((size, size, 3), 255, dtype=np.uint8) for _ in picture.panels]
    camera = fitted_camera(box_corners(shown), picture.azimuth, picture.elevation)
    bounds = shown.min(0), shown.max(0) + 1
    return [rendered_panel(renderer, panel, camera, bounds, size) for panel in picture.panels]


def rendered_panel(renderer, panel: Panel, camera: Camera, bounds: tuple, size: int) -> np.ndarray:
    """Voxels of one panel above their shadow, uint8 `[S, S, 3]`."""
    coords = panel.coords.reshape(-1, 3)
    renderer.scene.clear_geometry()
    add_mesh(renderer, "floor", floor_shadow(coords, *bounds))
    if len(coords):
        add_mesh(renderer, "voxels", cube_mesh(coords, panel.colours, camera.eye))
    renderer.setup_camera(FIELD_OF_VIEW, camera.centre, camera.eye, [0.0, 1.0, 0.0])
    return np.asarray(renderer.render_to_image())[..., :3].copy()


def add_mesh(renderer, name: str, mesh: CubeMesh) -> None:
    """Adds a mesh that shows its vertex colours as they are."""
    import open3d as o3d

    material = o3d.visualization.rendering.MaterialRecord()
    material.shader = "defaultUnlit"
    renderer.scene.add_geometry(name, open3d_mesh(mesh), material)


def reduced(view: np.ndarray, factor: int) -> np.ndarray:
    """The view made smaller by averaging squares of `factor` pixels: smooth edges."""
    steps = range(factor)
    parts = [view[row::factor, column::factor] for row in steps for column in steps]
    total = np.sum(parts, axis=0, dtype=np.uint32)
    return np.asarray((total + factor * factor // 2) // (factor * factor), dtype=np.uint8)


if __name__ == "__main__":
    main()
