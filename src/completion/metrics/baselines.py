"""Completions that need no learning, to stand beside a model in every table; scores nothing."""

from collections.abc import Callable, Sequence

import numpy as np

from completion.metrics.voxel_keys import dilated_keys, key_coords, voxel_keys


def dilated_input(partial: np.ndarray, resolution: int) -> np.ndarray:
    """The input dilated by one voxel (3×3×3), clipped to the box: int32 `[N, 3]`.

    Args:
        partial: voxels of the input, integers `[P, 3]`.
        resolution: voxels per edge of the box.
    """
    keys = dilated_keys(voxel_keys(partial, resolution), resolution)
    return key_coords(keys, resolution).numpy().astype(np.int32)


def mirrored_input(partial: np.ndarray, resolution: int, axis: int = 0) -> np.ndarray:
    """The input united with its mirror image in the vertical plane through the middle of its bounding box:
    int32.

    The plane is normal to one horizontal axis of the scan, for all items the same; y is up.

    Args:
        partial: voxels of the input, integers `[P, 3]`.
        resolution: voxels per edge of the box.
        axis: normal of the plane, 0 = x or 2 = z.
    """
    partial = np.asarray(partial).reshape(-1, 3)
    if len(partial) == 0:
        return partial.astype(np.int32)
    image = partial.copy()
    image[:, axis] = partial[:, axis].min() + partial[:, axis].max() - partial[:, axis]
    keys = voxel_keys(np.concatenate([partial, image]), resolution)
    return key_coords(keys, resolution).numpy().astype(np.int32)


class NearestTrainingShape:
    """Completes with the whole shape of the training item whose partial has the highest IoU with this
    partial.

    Keeps, for every voxel of the box, the training items that occupy it, so that one query costs a count over
    the items that share voxels with it. Ties go to the earlier item; an input that shares no voxel gets the
    first item.

    Args:
        partials: voxels of each training item's input, integers `[P, 3]` each; at least one item.
        complete_of: gives the true voxels int `[M, 3]` of a training item by its index.
        resolution: voxels per edge of the box, the same for training items and queries.
    """

    def __init__(
        self, partials: Sequence[np.ndarray], complete_of: Callable[[int], np.ndarray], resolution: int
    ) -> None:
        keys = [voxel_keys(partial, resolution).numpy() for partial in partials]
        if not keys:
            raise ValueError(
                "NearestTrainingShape: partials must hold at least one item, got none; prepare more shapes"
            )
        self.complete_of = complete_of
        self.resolution = resolution
        self.sizes = np.array([len(item) for item in keys])
        voxels = np.concatenate(keys)
        order = np.argsort(voxels, kind="stable")
        self._voxels = voxels[order]
        self._items = np.repeat(np.arange(len(keys), dtype=np.int32), self.sizes)[order]

    def nearest(self, partial: np.ndarray) -> tuple[int, float]:
        """Index of the training item nearest to a partial (int `[P, 3]`), and the IoU of the two inputs."""
        query = voxel_keys(partial, self.resolution).numpy()
        start = np.searchsorted(self._voxels, query, side="left")
        count = np.searchsorted(self._voxels, query, side="right") - start
        rows = np.repeat(start - (np.cumsum(count) - count), count) + np.arange(count.sum())
        shared = np.bincount(self._items[rows], minlength=len(self.sizes))
        union = self.sizes + len(query) - shared
        similarity = shared / np.maximum(union, 1)
        best = int(np.argmax(similarity))
        return best, float(similarity[best])

    def complete(self, partial: np.ndarray) -> np.ndarray:
        """True voxels int32 `[M, 3]` of the nearest training item."""
        return np.asarray(self.complete_of(self.nearest(partial)[0]), dtype=np.int32)
