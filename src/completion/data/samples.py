"""One shape → its samples: scan, frame, voxels; the arithmetic of preparation, without files or processes."""

import hashlib
from dataclasses import dataclass

import numpy as np

from completion.data.arrays import FloatArray
from completion.data.camera import DepthCamera
from completion.data.frame import Frame
from completion.data.sample import Sample
from completion.data.shape import Item, Mesh, Pair, Points, Shape
from completion.data.surface import cover_surface, sample_surface
from completion.data.voxelise import voxelise

_SPACING = 0.25  # voxels between the points that mark the truth: a missed sliver is narrower than that
_MAX_COVER = 20_000_000  # points that mark it at most: a small scan of a vast mesh must not exhaust memory
_MOST_LONGER = 50  # times that a scan may be longer than its truth: noise, but not centimetres beside metres


@dataclass(frozen=True)
class Recipe:
    """The parameters of `Preparation` that decide what a sample holds."""

    resolution: int
    margin: float
    views: int
    num_points: int
    camera: DepthCamera
    seed: int


def make_samples(shape: Shape, item: Item, recipe: Recipe) -> list[Sample]:
    """Returns the samples of one shape: one per view of a mesh, one for a pair.

    The random numbers depend on the seed and the item's name alone, not on other items or their order.

    Raises:
        ValueError: if the shape cannot be scanned or framed.
    """
    rng = item_rng(recipe.seed, item.name)
    if isinstance(shape, Points):
        raise ValueError("make_samples: shape must have faces to be scanned, got points alone; bring pairs")
    if isinstance(shape, Pair):
        partials, complete = [shape.partial.points], shape.complete
        _check_extents(partials[0], complete)
    else:
        partials = [scan.points for scan in recipe.camera.scan_views(shape, recipe.views, rng)]
        complete = shape
    frames = [Frame.from_partial(partial, recipe.resolution, recipe.margin) for partial in partials]
    if isinstance(complete, Mesh):
        spacing = _SPACING * min(frame.voxel_size for frame in frames)
        cover = cover_surface(complete, max(spacing, float(np.sqrt(complete.areas.sum() / _MAX_COVER))))
        points = sample_surface(complete, recipe.num_points, rng)
    else:
        cover, points = complete.points, subsampled(complete.points, recipe.num_points, rng)
    samples = []
    for view, (partial, frame) in enumerate(zip(partials, frames, strict=True)):
        complete_coords, num_clipped = voxelise(frame.to_grid(cover), recipe.resolution)
        if len(complete_coords) == 0:
            raise ValueError(
                "make_samples: truth must meet the box of the scan, got none of it; check the poses"
            )
        partial_grid = frame.to_grid(partial)
        sample = Sample(
            name=item.name,
            category=item.category,
            group=item.group,
            source=item.path.name if item.path is not None else item.name,
            view=view,
            frame=frame,
            partial_coords=voxelise(partial_grid, recipe.resolution)[0],
            complete_coords=complete_coords,
            partial_points=subsampled(partial_grid, recipe.num_points, rng),
            complete_points=frame.to_grid(points),
            num_clipped=num_clipped,
        )
        samples.append(sample)
    return samples


def _check_extents(partial: FloatArray, complete: Mesh | Points) -> None:
    """Refuses a scan of other units than its truth, as millimetres beside metres; a truth may be vast."""
    points = complete.vertices if isinstance(complete, Mesh) else complete.points
    if len(partial) == 0 or len(points) == 0:
        return  # told where they are used
    seen, whole = (float(np.ptp(one, axis=0).max()) for one in (partial, points))
    if whole > 0 and seen > _MOST_LONGER * whole:
        raise ValueError(
            "make_samples: scan and truth must be in one unit, got lengths of "
            f"{seen:.3g} and {whole:.3g}; scale one of them"
        )


def subsampled(points: FloatArray, num_points: int, rng: np.random.Generator) -> FloatArray:
    """Returns at most `num_points` rows, drawn without repeats, in their old order."""
    if len(points) <= num_points:
        return points
    return points[np.sort(rng.choice(len(points), num_points, replace=False))]


def item_rng(seed: int, name: str) -> np.random.Generator:
    """Returns the generator of one item, from the seed and the item's name."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
