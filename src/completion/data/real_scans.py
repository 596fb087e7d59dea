"""Real scans with their ground truth brought into the scan's frame, as pairs; estimates no pose."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from completion.data.arrays import FloatArray
from completion.data.folders import item_name, require_folder, stamp
from completion.data.manifest import Row, first_of_each_path, placed, read_manifest
from completion.data.orientation import Y_UP, rotation_to_y_up
from completion.data.readers import read_points, read_shape
from completion.data.shape import Item, Pair
from completion.data.transform import transformed


class RealScans:
    """The scans of a manifest that have a ground truth and a pose; all in the split "test".

    `root/manifest.csv` has the columns path, object, gt and pose, where pose is FILE.json#KEY. The entry
    of KEY holds either `T_gt_from_sensor` (the ground truth's frame is y up) or `T_cam_from_model` with
    `table_plane_cam` [a, b, c, d], the plane a·x + b·y + c·z + d = 0 with its normal pointing up; 4 × 4
    matrices, row by row, metres.

    Scan and truth are turned so that up is +y, by the smallest turn; the heading stays as the sensor had
    it. So nothing is used that a user would not know: which way is up. The truth serves measuring alone.
    Camera frames are x right, y down, z forward; without a plane or an upright truth, pass `up`.

    Args:
        root: the folder with the manifest.
        up: the up direction of all scans in their own frame; None takes it from the pose file as said above.
    """

    def __init__(self, root: str | Path, up: Sequence[float] | None = None) -> None:
        self.root = Path(root)
        self.up = None if up is None else tuple(float(value) for value in up)
        self.name = self.root.resolve().name

    def items(self) -> list[Item]:
        """Returns the scans in the manifest's order; category and group are the object.

        Raises:
            FileNotFoundError: if folder or manifest is missing.
            ValueError: if no row has a ground truth and a pose.
        """
        return [
            Item(
                item_name(Path(row["path"])),
                row["object"],
                row["object"],
                "test",
                placed(self.root, row["path"]),
            )
            for row in self._rows()
        ]

    def load(self, item: Item) -> Pair:
        """Returns the scan and the truth, both in the scan's frame turned to y up."""
        row = next(row for row in self._rows() if item_name(Path(row["path"])) == item.name)
        file, _, key = row["pose"].partition("#")
        pose = read_pose(placed(self.root, file), key)
        sensor_from_truth, own_up = truth_placement(pose, f"{file}#{key}")
        turn = rotation_to_y_up(own_up if self.up is None else self.up)
        truth = read_shape(placed(self.root, row["gt"]))
        truth = transformed(truth, sensor_from_truth[:3, :3], sensor_from_truth[:3, 3])
        return Pair(transformed(read_points(placed(self.root, row["path"])), turn), transformed(truth, turn))

    def fingerprint(self) -> str:
        """Returns parameters and the state of every file."""
        rows = self._rows()
        paths = [
            placed(self.root, row[key].partition("#")[0]) for row in rows for key in ("path", "gt", "pose")
        ]
        return f"real {self.root.resolve()} {self.up} {stamp([self.root / 'manifest.csv', *paths])}"

    def _rows(self) -> list[Row]:
        """Returns the manifest's rows that can be used."""
        require_folder(self.root, "RealScans")
        manifest = self.root / "manifest.csv"
        if not manifest.is_file():
            raise FileNotFoundError(f"RealScans: root must hold manifest.csv, got {self.root}")
        rows = read_manifest(manifest, ("path", "object", "gt", "pose"))
        rows = first_of_each_path([row for row in rows if row["gt"] and row["pose"]])
        if not rows:
            raise ValueError(f"RealScans: {manifest} must have rows with gt and pose, got none")
        return rows


def read_pose(path: Path, key: str) -> dict[str, Any]:
    """Returns one entry of a pose file, which may lie under the key `poses`."""
    try:
        poses = json.loads(path.read_text(encoding="utf-8"))
        return poses.get("poses", poses)[key]
    except (json.JSONDecodeError, KeyError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError(f"read_pose: {path} must be JSON with the entry {key}, got {error}") from error


def truth_placement(pose: dict[str, Any], name: str) -> tuple[FloatArray, FloatArray]:
    """Returns (float64[4, 4] from the truth's frame to the scan's, float64[3] up in the scan's frame)."""
    if "T_gt_from_sensor" in pose:
        truth_from_sensor = _matrix(pose["T_gt_from_sensor"], name)
        return np.linalg.inv(truth_from_sensor), truth_from_sensor[:3, :3].T @ np.array(Y_UP)
    if "T_cam_from_model" in pose and "table_plane_cam" in pose:
        return _matrix(pose["T_cam_from_model"], name), np.array(
            pose["table_plane_cam"][:3], dtype=np.float64
        )
    raise ValueError(
        "truth_placement: pose must have T_gt_from_sensor, or T_cam_from_model and table_plane_cam, "
        f"got {sorted(pose)} in {name}"
    )


def _matrix(rows: Any, name: str) -> FloatArray:
    """Returns float64[4, 4], refusing what is not a rigid placement."""
    matrix = np.asarray(rows, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-3):
        raise ValueError(f"truth_placement: pose must be a rigid 4 × 4 matrix, got another in {name}")
    return matrix
