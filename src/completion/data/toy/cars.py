"""The recipe of cars: random generator in, mesh out; metres, y up, nose +z."""

import numpy as np

from completion.data.shape import Mesh
from completion.data.toy.parts import (
    box,
    ellipsoid,
    joined,
    lathe,
    loft,
    mirrored,
    moved,
    rectangle,
    rotated,
)
from completion.data.toy.seating import Rng


def car(rng: Rng) -> Mesh:
    """Returns a car: saloon, hatchback, pick-up, van or bus, with wheels and mirrors."""
    kind = int(rng.integers(5))
    length = [4.4, 3.8, 5.0, 4.9, 8.5][kind] * rng.uniform(0.9, 1.12)
    width = [1.75, 1.7, 1.85, 1.95, 2.4][kind] * rng.uniform(0.94, 1.06)
    wheel = rng.uniform(0.29, 0.36) * (1.3 if kind == 4 else 1.0)
    sill, belt = wheel * rng.uniform(0.6, 0.9), [0.85, 0.9, 0.95, 1.0, 1.1][kind] * rng.uniform(0.95, 1.1)
    roof = [1.42, 1.5, 1.75, 2.05, 2.9][kind] * rng.uniform(0.95, 1.06)
    # Cabin in shares of the length from the rear: (rear foot, rear roof, front roof, front foot).
    cabin = [(0.14, 0.27, 0.55, 0.72), (0.02, 0.12, 0.58, 0.76), (0.42, 0.44, 0.62, 0.76)]
    cabin += [(0.01, 0.02, 0.74, 0.9), (0.005, 0.01, 0.97, 0.995)]
    half, tail = width / 2, -length / 2
    body = _body(half, tail, length, sill, belt, hood=rng.uniform(0.8, 0.95) if kind < 3 else 1.0)
    at = [tail + length * (share + rng.uniform(-0.01, 0.01) * (kind < 3)) for share in cabin[kind]]
    inset = width * rng.uniform(0.06, 0.12) if kind < 3 else 0.03 * width
    low = rectangle(-half * 0.97, half * 0.97, at[0], at[3], belt, 0.08)
    high = rectangle(-half + inset, half - inset, at[1], at[2], roof, 0.08)
    parts = [body, loft(np.stack([low, high]))]
    if kind == 2:
        parts += _pickup_bed(half, tail, at[0], belt, rng.uniform(0.05, 0.2))
    parts += _wheels(half, tail, length, wheel, width * 0.12, three=kind == 4)
    for side in (-1, 1):
        mirror = ellipsoid(
            (side * (half + 0.08), belt + 0.1, at[3] - 0.25), (0.1, 0.08, 0.06), sides=8, rings=6
        )
        parts.append(mirror)
    return joined(parts)


def _body(half: float, tail: float, length: float, sill: float, belt: float, hood: float) -> Mesh:
    """Returns the lower body as a loft of cross-sections from tail to nose; `hood` lowers the nose."""
    stations = [(0.0, 0.88, 0.86), (0.03, 0.97, 0.97), (0.2, 1.0, 1.0), (0.7, 1.0, 1.0)]
    stations += [(0.78, 1.0, 0.5 + 0.5 * hood), (0.95, 0.95, hood * 0.93), (1.0, 0.82, hood * 0.8)]
    rings = []
    for share, wide, high in stations:
        x, top, z = half * wide, sill + (belt - sill) * high, tail + length * share
        middle = sill + 0.55 * (top - sill)
        lower = sill + (0.0 if 0.01 < share < 0.99 else 0.12)
        rings.append([[-x * 0.94, lower, z], [-x, middle, z], [-x * 0.93, top, z]])
        rings[-1] += [[x * 0.93, top, z], [x, middle, z], [x * 0.94, lower, z]]
    return loft(np.array(rings))


def _pickup_bed(half: float, tail: float, end: float, belt: float, rise: float) -> list[Mesh]:
    """Returns the three walls of an open load bed behind the cabin."""
    x, wall, top = half * 0.93, 0.07, belt + rise
    return [
        box((-x, belt * 0.93, tail + 0.06), (-x + wall, top, end)),
        box((x - wall, belt * 0.93, tail + 0.06), (x, top, end)),
        box((-x + wall, belt * 0.93, tail + 0.06), (x - wall, top, tail + 0.06 + wall)),
    ]


def _wheels(half: float, tail: float, length: float, radius: float, wide: float, three: bool) -> list[Mesh]:
    """Returns the wheels with hubs, standing on the ground y = 0."""
    tread = [(0.7 * radius, -wide), (0.96 * radius, -wide), (radius, -0.7 * wide), (radius, 0.0)]
    wheel = rotated(lathe([*tread, (0.5 * radius, 0.0), (0.45 * radius, 0.02)], sides=20), "z", -90)
    parts = []
    for share in (0.18, 0.34, 0.81) if three else (0.19, 0.81):
        right = moved(wheel, (half * 1.005, radius, tail + share * length))
        parts += [right, mirrored(right, "x")]
    return parts
