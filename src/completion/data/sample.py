"""One prepared item, a partial scan and the whole shape in one frame, and its NPZ file; owns no batching."""

import os
from dataclasses import dataclass

import numpy as np

from completion.data.archive import of_system, save_archive
from completion.data.arrays import FloatArray, IntArray
from completion.data.frame import Frame

ARRAYS = {
    "partial_coords": np.int32,
    "complete_coords": np.int32,
    "partial_points": np.float32,
    "complete_points": np.float32,
}


@dataclass
class Sample:
    """A partial scan with its truth.

    Attributes:
        name: of the item; unique in its data set together with `view`.
        category, group: class name; near-duplicates share a group and never cross a split.
        source: the file it came from, or the recipe of a made shape.
        view: which scan of the shape, 0-based.
        frame: world ↔ grid, found from the partial alone.
        partial_coords: int32[N, 3], unique voxels of the scan's points inside the box.
        complete_coords: int32[M, 3], unique voxels of the whole surface inside the box (not united with
            the scan's noise voxels).
        partial_points: float32[P, 3], grid units.
        complete_points: float32[Q, 3], grid units, samples of the whole surface (also outside the box).
        num_clipped: truth voxels that fall outside the box, and so cannot be predicted.
    """

    name: str
    category: str
    group: str
    source: str
    view: int
    frame: Frame
    partial_coords: IntArray
    complete_coords: IntArray
    partial_points: FloatArray
    complete_points: FloatArray
    num_clipped: int = 0

    @property
    def num_bytes(self) -> int:
        """Bytes of its arrays."""
        return sum(getattr(self, key).nbytes for key in ARRAYS)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an NPZ atomically; equal samples give equal bytes."""
        packed = {
            "text": np.array([self.name, self.category, self.group, self.source], dtype=np.str_),
            "view": np.asarray(self.view, dtype=np.int64),
            "num_clipped": np.asarray(self.num_clipped, dtype=np.int64),
            "origin": np.asarray(self.frame.origin, dtype=np.float64),
            "voxel_size": np.asarray(self.frame.voxel_size, dtype=np.float64),
            "resolution": np.asarray(self.frame.resolution, dtype=np.int64),
        }
        # Voxel numbers fit 16 bits, which halves the work of packing; `load` widens them again.
        narrow = np.int16 if self.frame.resolution <= 2**15 else np.int32
        packed |= {
            key: getattr(self, key).astype(narrow) for key, dtype in ARRAYS.items() if dtype is np.int32
        }
        points = {
            key: getattr(self, key).astype(dtype) for key, dtype in ARRAYS.items() if dtype is not np.int32
        }
        save_archive(path, packed, points)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Sample":
        """Reads what `save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file is not a prepared sample, naming it.
        """
        try:
            with np.load(path, allow_pickle=False) as data:
                name, category, group, source = (str(text) for text in data["text"])
                x, y, z = (float(value) for value in data["origin"])
                frame = Frame((x, y, z), float(data["voxel_size"]), int(data["resolution"]))
                arrays = {
                    key: data[key].astype(dtype, copy=False).reshape(-1, 3) for key, dtype in ARRAYS.items()
                }
                view, num_clipped = int(data["view"]), int(data["num_clipped"])
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"Sample.load: {path} must be a prepared sample, got no such file; prepare the data again"
            ) from error
        except Exception as error:
            # Each way to unpack has errors of its own over damaged files.
            if of_system(error):
                raise
            raise ValueError(
                f"Sample.load: {path} must be a prepared sample (NPZ), got {error}; "
                "remove it and prepare the data again"
            ) from error
        return cls(name, category, group, source, view, frame, num_clipped=num_clipped, **arrays)
