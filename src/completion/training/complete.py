"""One real scan → its completion in the scan's own coordinates, and its files; no command line."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from completion.data.archive import save_archive
from completion.data.arrays import FloatArray, Vector
from completion.data.frame import Frame
from completion.data.orientation import rotation_to_y_up
from completion.data.ply_writer import save_ply
from completion.data.voxelise import voxelise
from completion.models.completion_model import CompletionModel
from completion.training.inference import Prediction, predict

# The corners of a voxel and its twelve triangles, turned outwards.
CORNERS = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], dtype=np.float64)
TRIANGLES = np.array(
    [
        *([0, 2, 3], [0, 3, 1], [4, 5, 7], [4, 7, 6], [0, 1, 5], [0, 5, 4]),
        *([2, 6, 7], [2, 7, 3], [0, 4, 6], [0, 6, 2], [1, 3, 7], [1, 7, 5]),
    ]
)

ENDINGS = (".npz", "_points.ply", "_voxels.ply")  # of the results' files


@dataclass(frozen=True)
class CompletedScan:
    """A completed scan.

    Attributes:
        frame: of the grid, in the scan's coordinates turned to y up.
        rotation: float64[3, 3] from the scan's coordinates to y up.
        partial_coords: int32[N, 3], the scan's voxels.
        prediction: the completed voxels and their probability.
        num_input_points: points the scan had.
        num_outside: of these, points outside the grid (stray points far from the rest).
    """

    frame: Frame
    rotation: FloatArray
    partial_coords: np.ndarray
    prediction: Prediction
    num_input_points: int
    num_outside: int

    def to_scan(self, points_grid: FloatArray) -> FloatArray:
        """Returns float64[N, 3] in the scan's own coordinates and scale."""
        return self.frame.to_world(points_grid) @ self.rotation

    @property
    def points(self) -> FloatArray:
        """float64[M, 3]: the centres of the completed voxels, in the scan's own coordinates."""
        return self.to_scan(self.prediction.coords + 0.5)


def complete_scan(model: CompletionModel, points: FloatArray, margin: float, up: Vector) -> CompletedScan:
    """Returns the completion of one scan; the frame is found from the scan alone, as in training.

    Args:
        model: in evaluation mode.
        points: float64[N, 3], any unit and offset.
        margin: of the frame, as the run was trained.
        up: the up direction in the scan's coordinates.

    Raises:
        ValueError: fewer than two distinct points.
    """
    rotation = rotation_to_y_up(up)
    turned = np.asarray(points, dtype=np.float64) @ rotation.T
    frame = Frame.from_partial(turned, model.resolution, margin)
    grid = frame.to_grid(turned)
    partial_coords, _ = voxelise(grid, model.resolution)
    num_outside = int(((grid < 0) | (grid >= model.resolution)).any(axis=1).sum())
    prediction = predict(model, partial_coords)
    return CompletedScan(frame, rotation, partial_coords, prediction, len(points), num_outside)


def save_completed(scan: CompletedScan, stem: Path) -> list[Path]:
    """Writes `stem`.npz, `stem`_points.ply and `stem`_voxels.ply, each atomically; returns them.

    The archive holds coords int32[M, 3] and partial_coords int32[N, 3] in the grid, points float64[M, 3]
    (voxel centres) in the scan's coordinates, probability float32[M], origin float64[3], voxel_size,
    resolution and rotation float64[3, 3]: point = ((coords + 0.5) · voxel_size + origin) @ rotation.
    """
    coords, probability = scan.prediction.coords, scan.prediction.probability
    paths = [stem.with_name(stem.name + end) for end in ENDINGS]
    packed = {
        "coords": coords.astype(np.int32),
        "partial_coords": scan.partial_coords.astype(np.int32),
        "resolution": np.int64(scan.frame.resolution),
        "num_input_points": np.int64(scan.num_input_points),
        "num_outside": np.int64(scan.num_outside),
    }
    stored = {
        "points": scan.points,
        "probability": probability.astype(np.float32),
        "origin": np.asarray(scan.frame.origin, dtype=np.float64),
        "voxel_size": np.float64(scan.frame.voxel_size),
        "rotation": scan.rotation,
    }
    save_archive(paths[0], packed, stored)
    save_ply(paths[1], scan.points, {"probability": probability})
    corners = (coords[:, None].astype(np.float64) + CORNERS).reshape(-1, 3)
    faces = (np.arange(len(coords))[:, None, None] * len(CORNERS) + TRIANGLES).reshape(-1, 3)
    save_ply(paths[2], scan.to_scan(corners), faces=faces)
    return paths
