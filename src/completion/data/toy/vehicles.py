"""Recipes of cars, planes and boats: one random generator in, one mesh out; metres, y up, nose towards +z."""

import numpy as np

from completion.data.arrays import FloatArray
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
    rectangle,
    rotated,
    tube,
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


def boat(rng: Rng) -> Mesh:
    """Returns a boat: a hollow hull with thwarts or a cabin, or a sailing boat with mast and sails."""
    length, wide, deep = rng.uniform(3.5, 7.0), rng.uniform(0.3, 0.4), rng.uniform(0.14, 0.22)
    half, deck = wide * length / 2, deep * length
    hull = _hull(length, half, deck, stern=rng.uniform(0.55, 0.95))
    parts = [hull]
    kind = int(rng.integers(3))
    if kind == 0:
        for z in np.linspace(-0.28, 0.2, int(rng.integers(2, 4))) * length:
            parts.append(box((-0.8 * half, 0.72 * deck, z - 0.12), (0.8 * half, 0.78 * deck, z + 0.12)))
    else:
        parts.append(
            box((-0.55 * half, 0.62 * deck, -0.28 * length), (0.55 * half, 0.7 * deck, 0.15 * length))
        )
    if kind == 1:
        tall = deck * rng.uniform(0.7, 1.3)
        low = rectangle(-0.55 * half, 0.55 * half, -0.22 * length, 0.12 * length, 0.7 * deck, 0.1)
        high = rectangle(-0.48 * half, 0.48 * half, -0.2 * length, 0.06 * length, 0.7 * deck + tall, 0.1)
        parts += [loft(np.stack([low, high]))]
        parts.append(cylinder((0, 0.7 * deck + tall, -0.12 * length), 0.12 * half, 0.4 * tall))
    elif kind == 2:
        parts += _sails(rng, length, deck)
    return joined(parts)


def _hull(length: float, half: float, deck: float, stern: float) -> Mesh:
    """Returns a hollow hull: an outer skin from stern to bow and an inner one back again."""
    share = np.linspace(0, 1, 9)
    beam = np.where(
        share < 0.5, stern + (1 - stern) * np.sin(np.pi * share), np.cos((share - 0.5) * np.pi) ** 0.7
    )
    beam = np.maximum(beam, 0.03)
    keel = 0.12 * deck * np.clip((share - 0.6) / 0.4, 0, None) ** 2 * 4
    sheer = deck * (1 + 0.35 * np.clip(share - 0.4, 0, None) ** 1.5)
    outer, inner = [], []
    for wide, low, high, z in zip(beam * half, keel, sheer, (share - 0.5) * length, strict=True):
        outer.append(_section(wide, low, high, z))
        inner.append(_section(max(wide * 0.88, 0.01), low + 0.14 * deck, high, z * 0.95))
    return loft(np.array(outer + inner[::-1]), closed=True)


def _section(wide: float, low: float, high: float, z: float) -> FloatArray:
    """Returns half-round ribs of the hull at station z: port rail, bilge, keel, bilge, starboard rail."""
    bilge = low + 0.35 * (high - low)
    floor = low + 0.08 * (high - low)
    left = [[-wide, high, z], [-0.85 * wide, bilge, z], [-0.4 * wide, floor, z]]
    right = [[0.4 * wide, floor, z], [0.85 * wide, bilge, z], [wide, high, z]]
    return np.array([*left, [0, low, z], *right])


def _sails(rng: Rng, length: float, deck: float) -> list[Mesh]:
    """Returns a mast, a boom, a main sail and a jib."""
    mast, foot = length * rng.uniform(0.9, 1.25), 0.06 * length
    base, thick = 1.05 * deck, np.array([0.02, 0, 0])
    boom = rng.uniform(0.34, 0.44) * length
    swing = rng.uniform(-20, 20)
    main = np.array(
        [[0, base + 0.12 * mast, foot], [0, 0.97 * mast + base, foot], [0, base + 0.12 * mast, foot - boom]]
    )
    jib = np.array(
        [
            [0, base + 0.85 * mast, foot],
            [0, base + 0.05 * mast, 0.46 * length],
            [0, base + 0.1 * mast, foot + 0.06],
        ]
    )
    parts = [cylinder((0, 0.6 * deck, foot), 0.012 * length, mast + 0.4 * deck, sides=8)]
    for sail, turn in ((main, swing), (jib, 0.5 * swing)):
        sheet = loft(np.stack([sail - thick, sail + thick]))
        parts.append(rotated(sheet, "y", turn, (0, 0, foot)))
    spar = tube(
        np.array([[0, base + 0.11 * mast, foot], [0, base + 0.11 * mast, foot - boom]]),
        0.01 * length,
        sides=8,
    )
    return [*parts, rotated(spar, "y", swing, (0, 0, foot))]
