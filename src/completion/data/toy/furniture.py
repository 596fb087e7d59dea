"""Recipes of tables, shelves, lamps and laptops: random generator in, mesh out; metres, y up, front +z."""

from itertools import pairwise

import numpy as np

from completion.data.shape import Mesh
from completion.data.toy.parts import (
    bar,
    box,
    cushion,
    cylinder,
    ellipsoid,
    joined,
    lathe,
    loft,
    moved,
    rectangle,
    rotated,
)
from completion.data.toy.seating import Rng, legs, star_base


def table(rng: Rng) -> Mesh:
    """Returns a table: rectangular or round, on legs, a pedestal or two panels; with shelf or drawer."""
    height, thick = rng.uniform(0.35, 0.9), rng.uniform(0.02, 0.06)
    if rng.random() < 0.3:
        radius = rng.uniform(0.35, 0.75)
        top = cylinder((0, height - thick, 0), radius, thick, sides=28)
        if rng.random() < 0.6:
            return joined([top, *star_base(rng, 0.62 * radius, height - thick, rng.uniform(0.03, 0.06))])
        side = 1.3 * radius
        return joined([top, *legs(rng, side, side, height - thick, splay=rng.uniform(0, 0.15))])
    width, depth = rng.uniform(0.7, 1.8), rng.uniform(0.5, 0.95)
    parts = [cushion((-width / 2, height - thick, -depth / 2), (width / 2, height, depth / 2), 0.01)]
    under = height - thick
    if rng.random() < 0.25:
        panel = rng.uniform(0.02, 0.06)
        for x in (-width / 2 + 0.1, width / 2 - 0.1 - panel):
            parts.append(box((x, 0, -0.46 * depth), (x + panel, under, 0.46 * depth)))
        parts.append(
            box((-width / 2 + 0.1 + panel, 0.3 * under, -0.02), (width / 2 - 0.1 - panel, 0.42 * under, 0.02))
        )
        return joined(parts)
    parts += legs(rng, width, depth, under)
    if rng.random() < 0.35:
        level = rng.uniform(0.2, 0.4) * under
        parts.append(box((-0.45 * width, level, -0.43 * depth), (0.45 * width, level + 0.025, 0.43 * depth)))
    if rng.random() < 0.35:
        side = int(rng.choice([-1, 1]))
        a, b = sorted((side * 0.44 * width, side * 0.15 * width))
        parts.append(box((a, rng.uniform(0.15, 0.75) * under, -0.42 * depth), (b, under, 0.42 * depth)))
    return joined(parts)


def shelf(rng: Rng) -> Mesh:
    """Returns a shelf: sides, boards, a back on most, upright dividers, rows of books, doors on some."""
    width, height, depth = rng.uniform(0.5, 1.3), rng.uniform(0.8, 2.0), rng.uniform(0.25, 0.42)
    wall, half, front = 0.025, width / 2, depth / 2
    parts = [
        box((-half, 0, -front), (-half + wall, height, front)),
        box((half - wall, 0, -front), (half, height, front)),
    ]
    levels = np.linspace(rng.uniform(0.0, 0.12), height - wall, int(rng.integers(3, 7)))
    parts += [box((-half + wall, y, -front), (half - wall, y + wall, front)) for y in levels]
    if rng.random() < 0.75:
        parts.append(box((-half + wall, levels[0], -front), (half - wall, height - wall, -front + 0.012)))
    for low, high in zip(levels[:-1] + wall, levels[1:], strict=True):
        kind = rng.random()
        if kind < 0.35:
            parts += _books(rng, -half + wall, half - wall, low, high, front)
        elif kind < 0.5:
            parts.append(box((-half + wall, low, front - 0.02), (half - wall, high, front)))
        elif kind < 0.65:
            x = rng.uniform(-0.2, 0.2) * width
            parts.append(box((x, low, -front), (x + 0.02, high, front)))
    return joined(parts)


def _books(rng: Rng, start: float, end: float, low: float, high: float, front: float) -> list[Mesh]:
    """Returns upright books from x = start, filling part of a compartment."""
    books, x, stop = [], start, start + (end - start) * rng.uniform(0.4, 0.98)
    while x < stop - 0.05:
        thick = rng.uniform(0.025, 0.06)
        top = low + (high - low) * rng.uniform(0.55, 0.9)
        books.append(box((x, low, -front + 0.02), (x + thick, top, front * rng.uniform(0.2, 0.8))))
        x += thick
    return books


def lamp(rng: Rng) -> Mesh:
    """Returns a lamp: standing with an open shade, or a jointed desk lamp with a bell-shaped head."""
    if rng.random() < 0.35:
        return _desk_lamp(rng)
    tall = rng.random() < 0.4
    stem = rng.uniform(0.9, 1.4) if tall else rng.uniform(0.18, 0.4)
    wide = rng.uniform(0.18, 0.3) if tall else rng.uniform(0.11, 0.2)
    high = wide * rng.uniform(0.9, 1.7)
    foot = wide * rng.uniform(0.55, 0.9)
    if tall or rng.random() < 0.5:
        parts = [cylinder((0, 0, 0), foot, 0.025, top=0.8 * foot, sides=24)]
        parts.append(cylinder((0, 0.025, 0), rng.uniform(0.01, 0.018), stem + 0.3 * high))
    else:
        bulge = [(0.6 * foot, 0.0), (foot, 0.25 * stem), (0.9 * foot, 0.5 * stem), (0.3 * foot, 0.85 * stem)]
        parts = [lathe([*bulge, (0.018, stem), (0.018, stem + 0.3 * high)])]
    upper, wall = wide * rng.uniform(0.35, 1.0), 0.03 * wide
    shade = [(wide - wall, 0.0), (wide, 0.0), (upper, high), (upper - wall, high)]
    return joined([*parts, moved(_ring_body(shade), (0, stem, 0))])


def _ring_body(profile: list[tuple[float, float]], sides: int = 24) -> Mesh:
    """Returns the body of revolution of a closed outline, such as a lamp shade's wall."""
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    outline = np.array(profile)
    rings = [
        np.stack([outline[:, 0] * np.cos(t), outline[:, 1], outline[:, 0] * np.sin(t)], axis=1) for t in turn
    ]
    return loft(np.stack(rings), closed=True)


def _desk_lamp(rng: Rng) -> Mesh:
    """Returns a foot, two arms with a knee, and a bell that looks down and forwards."""
    foot, lower, upper = rng.uniform(0.08, 0.12), rng.uniform(0.2, 0.32), rng.uniform(0.18, 0.3)
    lean, reach = np.radians(rng.uniform(5, 35)), np.radians(rng.uniform(20, 60))
    knee = np.array([0, 0.02 + lower * np.cos(lean), -lower * np.sin(lean)])
    tip = knee + upper * np.array([0, np.sin(reach) * 0.8, np.cos(reach)])
    size = rng.uniform(0.06, 0.1)
    bell = lathe([(size, 0), (0.8 * size, 0.5 * size), (0.35 * size, 1.1 * size), (0.25 * size, 1.5 * size)])
    bell = moved(rotated(bell, "x", -rng.uniform(15, 55), (0, 1.3 * size, 0)), tip - [0, 1.3 * size, 0])
    base = cylinder((0, 0, 0), foot, 0.025, top=0.9 * foot, sides=24)
    joint = ellipsoid(knee, (0.02, 0.02, 0.02), sides=8, rings=6)
    return joined([base, bar((0, 0.02, 0), knee, 0.011), bar(knee, tip, 0.011), joint, bell])


def laptop(rng: Rng) -> Mesh:
    """Returns an open laptop with a raised keyboard and touch pad."""
    width, depth = rng.uniform(0.28, 0.4), rng.uniform(0.2, 0.27)
    thick, half = rng.uniform(0.012, 0.028), width / 2
    corner = rng.uniform(0.002, 0.02)
    base = np.stack([rectangle(-half, half, -depth / 2, depth / 2, y, corner) for y in (0.0, thick)])
    parts = [loft(base)]
    lid_thick, lid = 0.5 * thick, depth * rng.uniform(0.92, 1.02)
    screen = np.stack([rectangle(-half, half, 0, lid, y, corner) for y in (0.0, lid_thick)])
    opening = rng.uniform(80, 130)
    parts.append(moved(rotated(loft(screen), "x", -opening), (0, thick, -depth / 2 + lid_thick)))
    rows, columns = 4, int(rng.integers(8, 12))
    xs, zs = np.linspace(-0.43 * width, 0.43 * width, columns + 1), np.linspace(-0.36, 0.04, rows + 1) * depth
    for a, b in pairwise(xs):
        for c, d in pairwise(zs):
            parts.append(box((a + 0.002, thick, c + 0.002), (b - 0.002, thick + 0.004, d - 0.002)))
    parts.append(box((-0.15 * width, thick, 0.14 * depth), (0.15 * width, thick + 0.002, 0.42 * depth)))
    return joined(parts)
