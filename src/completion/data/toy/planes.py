"""The recipe of aeroplanes: random generator in, mesh out; metres, y up, nose +z."""

import numpy as np

from completion.data.shape import Mesh
from completion.data.toy.parts import (
    box,
    cylinder,
    ellipsoid,
    joined,
    lathe,
    loft,
    mirrored,
    moved,
    rotated,
    tube,
)
from completion.data.toy.seating import Rng


def plane(rng: Rng) -> Mesh:
    """Returns an aeroplane: airliner, propeller plane or swept-wing jet."""
    kind = int(rng.integers(3))
    length = rng.uniform(0.85, 1.15) * (30, 9, 15)[kind]
    girth = length * rng.uniform(0.045, 0.06) * (1.0, 1.35, 1.0)[kind]
    parts = [_fuselage(rng, length, girth)]
    span = length * (rng.uniform(0.42, 0.52), rng.uniform(0.5, 0.62), rng.uniform(0.28, 0.4))[kind]
    sweep = length * (rng.uniform(0.12, 0.24), rng.uniform(-0.01, 0.04), rng.uniform(0.2, 0.34))[kind]
    chord = length * (rng.uniform(0.16, 0.22), rng.uniform(0.17, 0.23), rng.uniform(0.26, 0.38))[kind]
    taper = (rng.uniform(0.22, 0.4), rng.uniform(0.6, 1.0), rng.uniform(0.15, 0.35))[kind]
    high = girth * (-0.45, float(rng.choice([-0.5, 0.85])), 0.0)[kind]
    front = length * rng.uniform(0.06, 0.14)
    wing = _wing(chord, taper, span, sweep, rise=span * rng.uniform(0.0, 0.12), thick=0.12 * chord)
    wing = moved(wing, (0, high, front))
    tail = _wing(
        0.55 * chord, 0.5, 0.36 * span, 0.5 * abs(sweep) + 0.02 * length, rise=0.0, thick=0.05 * chord
    )
    t_tail = kind == 0 and rng.random() < 0.25
    rear, fin_high = -0.38 * length, length * rng.uniform(0.12, 0.17)
    fin = _wing(0.16 * length, 0.55, fin_high, 0.1 * length, rise=0.0, thick=0.014 * length)
    fin = moved(rotated(fin, "z", 90), (0, 0.3 * girth, rear + 0.02 * length))
    tail = moved(
        tail, (0, fin_high + 0.25 * girth if t_tail else 0.3 * girth, rear - (0.08 * length if t_tail else 0))
    )
    parts += [wing, mirrored(wing, "x"), tail, mirrored(tail, "x"), fin]
    if kind == 0:
        parts += _engines(rng, span, sweep, girth, front, high)
    elif kind == 1:
        parts += _propeller(rng, length, girth)
    else:
        parts.append(
            ellipsoid((0, 0.75 * girth, 0.22 * length), (0.5 * girth, 0.6 * girth, 0.13 * length), 12, 8)
        )
    return joined(parts)


def _fuselage(rng: Rng, length: float, girth: float) -> Mesh:
    """Returns the hull along z, pointed at both ends, its tail drawn up."""
    blunt = rng.uniform(0.06, 0.16)
    share = np.array([0.0, 0.06, 0.16, 0.3, 0.5, 0.7, 1 - blunt, 1 - blunt / 3, 1 - blunt / 12, 1.0])
    radius = np.array([0.1, 0.3, 0.62, 0.92, 1.0, 1.0, 0.97, 0.7, 0.35, 0.05])
    lift = np.array([0.5, 0.42, 0.26, 0.06, 0, 0, 0, -0.08, -0.12, -0.14])
    turn = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn), np.zeros(18)], axis=1)
    centres = np.stack([np.zeros(10), lift * girth, (share - 0.5) * length], axis=1)
    return loft(centres[:, None] + circle[None] * (radius * girth)[:, None, None])


def _wing(chord: float, taper: float, span: float, sweep: float, rise: float, thick: float) -> Mesh:
    """Returns one wing from the root at the origin towards +x; its leading edge runs back by `sweep`."""
    outline = np.array(
        [[0.5, 0], [0.38, 0.42], [0.1, 0.5], [-0.5, 0.05], [-0.5, -0.05], [0.1, -0.4], [0.38, -0.36]]
    )
    rings = []
    for share in (0.0, 0.5, 1.0):
        size = 1 + (taper - 1) * share
        y, z = outline[:, 1] * thick * size, outline[:, 0] * chord * size
        offset = chord * (1 - size) / 2 - sweep * share
        rings.append(np.stack([np.full(7, span * share), y + rise * share, z + offset], axis=1))
    return loft(np.stack(rings))


def _engines(rng: Rng, span: float, sweep: float, girth: float, front: float, y: float) -> list[Mesh]:
    """Returns one or two turbines under each wing."""
    size, parts = girth * rng.uniform(0.42, 0.55), []
    profile = [(0.75, 0.0), (0.98, 1.2), (1.0, 2.6), (0.9, 3.0), (0.8, 2.8), (0.3, 2.6)]
    turbine = rotated(lathe([(r * size, z * size) for r, z in profile], sides=14), "x", 90)
    for share in (0.33, 0.6) if rng.random() < 0.3 else (0.36,):
        right = moved(turbine, (share * span, y - 0.8 * size, front - sweep * share + 0.3 * size))
        parts += [right, mirrored(right, "x")]
    return parts


def _propeller(rng: Rng, length: float, girth: float) -> list[Mesh]:
    """Returns a propeller at the nose and two wheels under the hull."""
    nose, blade = 0.5 * length, rng.uniform(1.1, 1.5) * girth
    count, start = int(rng.integers(2, 5)), rng.uniform(0, 180)
    single = box((-0.09 * girth, 0, -0.02 * girth), (0.09 * girth, blade, 0.05 * girth))
    parts = [
        moved(rotated(single, "z", start + 360 * i / count), (0, -0.1 * girth, nose)) for i in range(count)
    ]
    for side in (-1, 1):
        hub = np.array([side * 1.3 * girth, -1.9 * girth, 0.16 * length])
        strut = np.array([[side * 0.4 * girth, -0.7 * girth, 0.16 * length], hub])
        tyre = rotated(cylinder((0, -0.12 * girth, 0), 0.42 * girth, 0.24 * girth), "z", 90)
        parts += [tube(strut, 0.07 * girth, sides=6), moved(tyre, hub)]
    return parts
