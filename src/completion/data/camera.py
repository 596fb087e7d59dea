"""A simulated depth camera: perspective rays against a mesh, a real sensor's faults; no files."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from completion.data.arrays import FloatArray
from completion.data.shape import Mesh
from completion.data.view import View, look_at, pixel_directions

_ATTEMPTS = 8  # other viewpoints tried when one sees too little (a plate from its edge)


@dataclass
class Scan:
    """What one look returns: points float64[P, 3] in the world, and the view."""

    points: FloatArray
    view: View


@dataclass(frozen=True)
class DepthCamera:
    """A depth camera that looks at the middle of a shape from a random direction.

    Lengths are shares of the radius of the shape's bounding sphere, so that no unit matters.

    Args:
        resolution: pixels per side.
        field_of_view: degrees; the distance is chosen so that the shape fits.
        elevation: lowest and highest view in degrees above the horizon, drawn evenly (azimuth: the circle).
        distance: smallest and largest distance in multiples of where the bounding sphere fills the image.
        noise: smallest and largest standard deviation of the depth, drawn evenly once per scan, in shares of
            the shape's bounding radius.
        quantisation: step of the depth, in shares of that radius; 0 is exact.
        grazing: rays that meet the surface at fewer than this many degrees are lost.
        dropout: share of pixels lost at random.
        edge_bleed: share of pixels beside a depth edge with a depth between both sides (flying pixels).
        min_points: a view with fewer is drawn again, up to seven times.
    """

    resolution: int = 128
    field_of_view: float = 45.0
    elevation: tuple[float, float] = (-10.0, 60.0)
    distance: tuple[float, float] = (1.0, 1.4)
    noise: tuple[float, float] = (0.0, 0.01)
    quantisation: float = 0.002
    grazing: float = 6.0
    dropout: float = 0.02
    edge_bleed: float = 0.0
    min_points: int = 50

    def __post_init__(self) -> None:
        for name in ("quantisation", "grazing", "dropout", "edge_bleed"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"DepthCamera: {name} must be at least 0, got {getattr(self, name)}")
        if not 0 < self.field_of_view < 180:
            raise ValueError(
                f"DepthCamera: field_of_view must be above 0 and below 180 degrees, got {self.field_of_view}"
            )
        if self.resolution < 1 or self.min_points < 2:
            raise ValueError(
                "DepthCamera: resolution must be at least 1 and min_points at least 2, "
                f"got {self.resolution} and {self.min_points}"
            )
        for name in ("elevation", "distance", "noise"):
            pair = getattr(self, name)
            if len(pair) != 2 or not (pair[0] <= pair[1] and math.isfinite(pair[1] - pair[0])):
                raise ValueError(f"DepthCamera: {name} must be (lowest, highest), finite, got {pair}")
            if name == "distance" and pair[0] <= 0:
                raise ValueError(f"DepthCamera: distance must be above 0, got {list(pair)}")
            if name != "elevation" and pair[0] < 0:
                raise ValueError(f"DepthCamera: {name} must be at least 0, got {pair}")
            # Configs bring lists; equal cameras must print equal, because caches are named by it.
            object.__setattr__(self, name, (float(pair[0]), float(pair[1])))
        for name in ("field_of_view", "quantisation", "grazing", "dropout", "edge_bleed"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def scan(self, mesh: Mesh, rng: np.random.Generator) -> Scan:
        """Returns one scan from a random viewpoint; see `scan_views`."""
        return self.scan_views(mesh, 1, rng)[0]

    def scan_views(self, mesh: Mesh, num_views: int, rng: np.random.Generator) -> list[Scan]:
        """Returns scans from `num_views` random viewpoints; the mesh is indexed once.

        Raises:
            ValueError: if the mesh has no extent, or no viewpoint sees `min_points`.
            ImportError: if Open3D is missing.
        """
        centre, radius = _bounding_sphere(mesh)
        # Scaled to a unit sphere: rays are float32, and world coordinates may be large.
        scene = _ray_scene((mesh.vertices - centre) / radius, mesh.faces)
        scans = []
        for _ in range(num_views):
            for _ in range(_ATTEMPTS):
                view = self.random_view(rng)
                points = self._look(scene, view, rng)
                if len(points) >= self.min_points:
                    break
            else:
                raise ValueError(
                    f"DepthCamera.scan_views: mesh must show at least {self.min_points} pixels, "
                    f"got {len(points)} from the last of {_ATTEMPTS} viewpoints; it may be too thin"
                )
            placed = View(view.position * radius + centre, view.rotation, view.field_of_view, view.resolution)
            scans.append(Scan(points * radius + centre, placed))
        return scans

    def random_view(self, rng: np.random.Generator) -> View:
        """Returns a random view of the unit sphere about the origin."""
        azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(*self.elevation))
        away = np.array(
            [np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)]
        )
        fit = 1 / np.sin(np.radians(self.field_of_view / 2))
        return look_at(away * fit * rng.uniform(*self.distance), self.field_of_view, self.resolution)

    def _look(self, scene: Any, view: View, rng: np.random.Generator) -> FloatArray:
        """Returns float64[P, 3] points of one view in the scene's unit."""
        directions = pixel_directions(view)
        rays = np.concatenate([np.broadcast_to(view.position, directions.shape), directions], axis=-1)
        depth, normals = _cast(scene, rays.astype(np.float32))
        cosine = np.abs(np.einsum("ijk,ijk->ij", normals, directions)) / np.linalg.norm(directions, axis=-1)
        seen = np.isfinite(depth) & (cosine >= np.sin(np.radians(self.grazing)))
        seen &= rng.random(depth.shape) >= self.dropout
        depth = np.where(np.isfinite(depth), depth, 0.0)
        if self.edge_bleed > 0:
            depth = bled(depth, self.edge_bleed, rng)
        depth = depth + rng.normal(0, rng.uniform(*self.noise), depth.shape)
        if self.quantisation > 0:
            depth = np.round(depth / self.quantisation) * self.quantisation
        return view.position + directions[seen] * depth[seen][:, None]


def bled(depth: FloatArray, share: float, rng: np.random.Generator) -> FloatArray:
    """Returns depth [R, R] where a share of the pixels left of a depth edge lies between both sides of it."""
    right = np.concatenate([depth[:, 1:], depth[:, -1:]], axis=1)
    edge = (depth > 0) & (right > 0) & (np.abs(right - depth) > 0.05) & (rng.random(depth.shape) < share)
    return np.where(edge, depth + rng.random(depth.shape) * (right - depth), depth)


def _bounding_sphere(mesh: Mesh) -> tuple[FloatArray, float]:
    """Returns the middle of the bounding box, float64[3], and the farthest used vertex's distance from it."""
    used = mesh.vertices[np.unique(mesh.faces)] if len(mesh.faces) else mesh.vertices[:0]
    if len(used) == 0:
        raise ValueError("DepthCamera: mesh must have faces, got none")
    centre = (used.min(axis=0) + used.max(axis=0)) / 2
    radius = float(np.linalg.norm(used - centre, axis=1).max())
    if not (np.isfinite(radius) and radius > 0):
        raise ValueError(f"DepthCamera: mesh must have a finite extent above 0, got radius {radius}")
    return centre, radius


def _ray_scene(vertices: FloatArray, faces: np.ndarray) -> Any:
    """Returns Open3D's ray caster over a mesh."""
    try:
        import open3d
    except ModuleNotFoundError as error:
        raise ImportError(
            "DepthCamera: simulated scans need Open3D, which is not installed; run `pip install open3d`"
        ) from error
    scene = open3d.t.geometry.RaycastingScene(nthreads=1)
    tensor = open3d.core.Tensor.from_numpy
    scene.add_triangles(
        tensor(np.ascontiguousarray(vertices, dtype=np.float32)),
        tensor(np.ascontiguousarray(faces, dtype=np.uint32)),
    )
    return scene


def _cast(scene: Any, rays: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """Returns depth float64[R, R] in ray lengths (infinite: nothing) and normals float64[R, R, 3]."""
    import open3d

    answer = scene.cast_rays(open3d.core.Tensor.from_numpy(rays), nthreads=1)
    return answer["t_hit"].numpy().astype(np.float64), answer["primitive_normals"].numpy().astype(np.float64)
