"""Closed triangle meshes that toy shapes are made of (loft, box, lathe, tube, …); knows no category."""

from collections.abc import Sequence

import numpy as np

from completion.data.arrays import FloatArray, Vector
from completion.data.shape import Mesh


def joined(parts: Sequence[Mesh]) -> Mesh:
    """Returns one mesh of all parts."""
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    vertices = np.concatenate([part.vertices for part in parts])
    return Mesh(
        vertices, np.concatenate([part.faces + start for part, start in zip(parts, offsets, strict=True)])
    )


def loft(rings: FloatArray, capped: bool = True, closed: bool = False) -> Mesh:
    """Returns the skin through rings float[S, P, 3], facing outwards.

    Args:
        rings: S cross-sections of P points each, all running the same way round.
        capped: close both ends with a fan about the ring's mean.
        closed: join the last ring to the first instead (a torus).
    """
    rings = np.asarray(rings, dtype=np.float64)
    num_rings, num_points = rings.shape[:2]
    ring = np.arange(num_rings if closed else num_rings - 1)[:, None]
    point = np.arange(num_points)[None, :]
    a, b = ring * num_points + point, ring * num_points + (point + 1) % num_points
    step = (ring + 1) % num_rings * num_points
    c, d = step + (point + 1) % num_points, step + point
    faces = [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
    vertices = [rings.reshape(-1, 3)]
    if capped and not closed:
        centres = len(vertices[0])
        vertices.append(rings[[0, -1]].mean(axis=1))
        first, after = np.arange(num_points), (np.arange(num_points) + 1) % num_points
        last = (num_rings - 1) * num_points
        faces.append(np.stack([after, first, np.full(num_points, centres)], -1))
        faces.append(np.stack([last + first, last + after, np.full(num_points, centres + 1)], -1))
    return _facing_outwards(Mesh(np.concatenate(vertices), np.concatenate(faces)))


def _facing_outwards(mesh: Mesh) -> Mesh:
    """Returns the closed mesh with its faces turned so that its signed volume is positive."""
    a, b, c = np.moveaxis(mesh.triangles - mesh.vertices.mean(axis=0), 1, 0)
    volume = np.einsum("ij,ij->", a, np.cross(b, c))
    return mesh if volume >= 0 else Mesh(mesh.vertices, mesh.faces[:, ::-1])


def box(low: Vector, high: Vector) -> Mesh:
    """Returns the axis-aligned box between two corners."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    ring = np.array([[x0, z0], [x1, z0], [x1, z1], [x0, z1]], dtype=np.float64)
    return loft(np.stack([np.insert(ring, 1, y, axis=1) for y in (y0, y1)]))


def cushion(low: Vector, high: Vector, rounding: float) -> Mesh:
    """Returns a box whose upper and lower edges are bevelled by `rounding` (world units)."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    r = min(rounding, (y1 - y0) / 2, (x1 - x0) / 2, (z1 - z0) / 2) * 0.95
    levels = [
        (y0, r),
        (y0 + 0.3 * r, 0.3 * r),
        (y0 + r, 0.0),
        (y1 - r, 0.0),
        (y1 - 0.3 * r, 0.3 * r),
        (y1, r),
    ]
    rings = [rectangle(x0 + s, x1 - s, z0 + s, z1 - s, y, corner=r) for y, s in levels]
    return loft(np.stack(rings))


def rectangle(x0: float, x1: float, z0: float, z1: float, y: float, corner: float = 0.0) -> FloatArray:
    """Returns the ring float64[P, 3] of a rectangle at height y with corners rounded by `corner`."""
    radius = min(corner, (x1 - x0) / 2.001, (z1 - z0) / 2.001)
    if radius <= 0:
        return np.array([[x0, y, z0], [x1, y, z0], [x1, y, z1], [x0, y, z1]], dtype=np.float64)
    turns = np.radians([[180, 225, 270], [270, 315, 360], [0, 45, 90], [90, 135, 180]])
    centres = np.array(
        [
            [x0 + radius, z0 + radius],
            [x1 - radius, z0 + radius],
            [x1 - radius, z1 - radius],
            [x0 + radius, z1 - radius],
        ]
    )
    xz = centres[:, None, :] + radius * np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    return np.insert(xz.reshape(-1, 2), 1, y, axis=1)


def lathe(profile: Sequence[tuple[float, float]], sides: int = 24, power: float = 2.0) -> Mesh:
    """Returns the body of revolution about y of [(radius, height), …], bottom to top (may turn inwards).

    Args:
        power: 2 is round; larger is squarer (a superellipse).
    """
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    cos, sin = np.cos(turn), np.sin(turn)
    reach = (np.abs(cos) ** power + np.abs(sin) ** power) ** (-1 / power)
    circle = np.stack([cos * reach, np.zeros(sides), sin * reach], axis=-1)
    return loft(np.stack([circle * max(radius, 1e-4) + [0, height, 0] for radius, height in profile]))


def cylinder(base: Vector, radius: float, height: float, top: float | None = None, sides: int = 16) -> Mesh:
    """Returns an upright cylinder on `base`, or a cone frustum with radius `top` at its upper end."""
    return moved(lathe([(radius, 0.0), (radius if top is None else top, height)], sides), base)


def tube(path: FloatArray, radius: float | FloatArray, sides: int = 10, closed: bool = False) -> Mesh:
    """Returns a round bar along path float[S, 3]; radius is one number or one per point of the path."""
    path = np.asarray(path, dtype=np.float64)
    radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(path))
    ends = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    along = ends if closed else np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    # One side direction, projected at every point, keeps the rings from twisting on planar paths.
    spread = np.ptp(along, axis=0)
    side = np.eye(3)[int(np.argmin(np.abs(along).max(axis=0) + 1e-3 * spread))]
    u = np.cross(along, side)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(along, u)
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None, :, None]
    rings = path[:, None] + radii[:, None, None] * (np.cos(turn) * u[:, None] + np.sin(turn) * v[:, None])
    return loft(rings, closed=closed)


def bar(
    start: Vector,
    end: Vector,
    radius: float,
    end_radius: float | None = None,
    sides: int = 10,
) -> Mesh:
    """Returns a straight round bar between two points, tapered to `end_radius` if given."""
    return tube(
        np.array([start, end]), np.array([radius, radius if end_radius is None else end_radius]), sides
    )


def ellipsoid(centre: Vector, radii: Vector, sides: int = 16, rings: int = 10) -> Mesh:
    """Returns an ellipsoid."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, rings)
    unit = lathe([(float(np.cos(a)), float(np.sin(a))) for a in angle], sides)
    return Mesh(unit.vertices * np.asarray(radii) + np.asarray(centre), unit.faces)


def moved(mesh: Mesh, by: Vector) -> Mesh:
    """Returns the mesh shifted."""
    return Mesh(mesh.vertices + np.asarray(by, dtype=np.float64), mesh.faces)


def rotated(mesh: Mesh, axis: str, degrees: float, about: Vector = (0.0, 0.0, 0.0)) -> Mesh:
    """Returns the mesh turned about the axis "x", "y" or "z" through the point `about` (right-handed)."""
    i = "xyz".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(3)
    turn[[j, k], [j, k]] = cos
    turn[k, j], turn[j, k] = sin, -sin
    centre = np.asarray(about, dtype=np.float64)
    return Mesh((mesh.vertices - centre) @ turn.T + centre, mesh.faces)


def mirrored(mesh: Mesh, axis: str) -> Mesh:
    """Returns the mirror image across the plane axis = 0, still facing outwards."""
    signs = np.where(np.arange(3) == "xyz".index(axis), -1.0, 1.0)
    return Mesh(mesh.vertices * signs, mesh.faces[:, ::-1])
