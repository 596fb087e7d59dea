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

_SPACING = (
    0.25  # voxels between the points that mark the truth: what is missed is a sliver narrower than that
)


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
    if isinstance(shape, Pair):
        return [make_sample(shape.partial.points, shape.complete, item, 0, recipe, rng)]
    if isinstance(shape, Points):
        raise ValueError(
            "make_samples: shape must have faces to be scanned, got points alone; bring pairs instead"
        )
    scans = recipe.camera.scan_views(shape, recipe.views, rng)
    return [make_sample(scan.points, shape, item, view, recipe, rng) for view, scan in enumerate(scans)]


def make_sample(
    partial: FloatArray,
    complete: Mesh | Points,
    item: Item,
    view: int,
    recipe: Recipe,
    rng: np.random.Generator,
) -> Sample:
    """Returns one sample; the frame comes from the partial points float64[P, 3] alone."""
    frame = Frame.from_partial(partial, recipe.resolution, recipe.margin)
    partial_grid = frame.to_grid(partial)
    partial_coords, _ = voxelise(partial_grid, recipe.resolution)
    if isinstance(complete, Mesh):
        cover = cover_surface(complete, _SPACING * frame.voxel_size)
        points = sample_surface(complete, recipe.num_points, rng)
    else:
        cover, points = complete.points, subsampled(complete.points, recipe.num_points, rng)
    complete_coords, num_clipped = voxelise(frame.to_grid(cover), recipe.resolution)
    if len(complete_coords) == 0:
        raise ValueError(
            "make_sample: complete must meet the box of the scan, got no voxel inside; check the poses"
        )
    return Sample(
        name=item.name,
        category=item.category,
        group=item.group,
        source=item.path.name if item.path is not None else item.name,
        view=view,
        frame=frame,
        partial_coords=partial_coords,
        complete_coords=complete_coords,
        partial_points=subsampled(partial_grid, recipe.num_points, rng),
        complete_points=frame.to_grid(points),
        num_clipped=num_clipped,
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
