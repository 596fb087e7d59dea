"""Recipes of chairs, sofas and beds: random generator in, mesh out; metres, y up, front +z."""

from itertools import pairwise

import numpy as np

from completion.data.shape import Mesh
from completion.data.toy.parts import bar, box, cushion, cylinder, ellipsoid, joined, moved, rotated

Rng = np.random.Generator


def legs(rng: Rng, width: float, depth: float, height: float, splay: float = 0.0) -> list[Mesh]:
    """Returns four legs, square or round, under a width × depth top at `height`, about the origin."""
    thick = rng.uniform(0.016, 0.032)
    x, z = width / 2 - 1.3 * thick, depth / 2 - 1.3 * thick
    corners = [(sx * x, sz * z) for sx in (-1, 1) for sz in (-1, 1)]
    if rng.random() < 0.5 and splay == 0:
        return [box((a - thick, 0, b - thick), (a + thick, height, b + thick)) for a, b in corners]
    foot = rng.uniform(0.5, 1.0) * thick
    return [bar((a * (1 + splay), 0, b * (1 + splay)), (a, height, b), foot, thick) for a, b in corners]


def star_base(rng: Rng, radius: float, height: float, column: float) -> list[Mesh]:
    """Returns a column on a foot: a disc, or three to five spokes."""
    stem = cylinder((0, 0.03, 0), column, height - 0.03)
    if rng.random() < 0.4:
        return [stem, cylinder((0, 0, 0), radius, 0.03, top=0.85 * radius, sides=24)]
    count = int(rng.integers(3, 6))
    turns = np.arange(count) * 2 * np.pi / count + rng.uniform(0, 1)
    ends = [(radius * np.cos(t), 0.02, radius * np.sin(t)) for t in turns]
    return [stem, *(bar((0, 0.09, 0), end, 0.028, 0.018) for end in ends)]


def chair(rng: Rng) -> Mesh:
    """Returns a chair: four legs or a star base; a solid, slatted, ladder or bar back; arms on some."""
    width, depth = rng.uniform(0.4, 0.56), rng.uniform(0.38, 0.52)
    seat, thick = rng.uniform(0.4, 0.52), rng.uniform(0.03, 0.08)
    slab = cushion(
        (-width / 2, seat, -depth / 2), (width / 2, seat + thick, depth / 2), rng.uniform(0.01, 0.04)
    )
    if rng.random() < 0.3:
        under = star_base(rng, 0.5 * width, seat, rng.uniform(0.025, 0.045))
    else:
        under = legs(rng, width, depth, seat, splay=float(rng.choice([0.0, rng.uniform(0.08, 0.25)])))
    top = seat + thick
    back = joined(_chair_back(rng, width, rng.uniform(0.35, 0.62), top, -depth / 2))
    parts = [slab, *under, rotated(back, "x", -rng.uniform(0, 14), (0, top, -depth / 2))]
    if rng.random() < 0.35:
        parts += _chair_arms(rng, width, depth, top)
    return joined(parts)


def _chair_back(rng: Rng, width: float, height: float, y: float, z: float) -> list[Mesh]:
    """Returns an upright back standing at height y on the rear edge z, before it is leant."""
    thick, half = rng.uniform(0.02, 0.05), width / 2
    kind = rng.integers(4)
    if kind == 0:
        return [cushion((-half, y, z), (half, y + height, z + thick), 0.012)]
    post = rng.uniform(0.014, 0.024)
    posts = [
        bar((s * (half - post), y, z + thick), (s * (half - post), y + height, z + thick), post)
        for s in (-1, 1)
    ]
    rail = rng.uniform(0.06, 0.14)
    top = box((-half, y + height - rail, z), (half, y + height, z + thick))
    if kind == 1:
        count = int(rng.integers(3, 7))
        xs = np.linspace(-half, half, count + 2)[1:-1]
        bars = [bar((x, y, z + thick / 2), (x, y + height - rail, z + thick / 2), 0.011, sides=6) for x in xs]
        return [*posts, top, *bars]
    if kind == 2:
        levels = np.linspace(y + 0.25 * height, y + height - 0.5 * rail, int(rng.integers(2, 4)))
        return [
            *posts,
            *(box((-half, b - rail / 2, z), (half, b + rail / 2, z + 0.8 * thick)) for b in levels),
        ]
    return [*posts, cushion((-half, y + 0.45 * height, z), (half, y + height, z + thick), 0.012)]


def _chair_arms(rng: Rng, width: float, depth: float, y: float) -> list[Mesh]:
    """Returns two arm rests with a post in front of each."""
    rise, thick = rng.uniform(0.17, 0.26), rng.uniform(0.025, 0.045)
    parts = []
    for side in (-1, 1):
        x = side * (width / 2 + thick / 2)
        parts.append(box((x - thick, y + rise, -depth / 2), (x + thick, y + rise + 0.03, 0.36 * depth)))
        parts.append(
            box((x - 0.6 * thick, y - 0.05, 0.22 * depth), (x + 0.6 * thick, y + rise, 0.32 * depth))
        )
    return parts


def sofa(rng: Rng) -> Mesh:
    """Returns a sofa: base, cushions, back, arms of varied height, feet; some with a corner piece."""
    width, depth = rng.uniform(0.85, 2.2), rng.uniform(0.75, 1.0)
    foot, seat, arm = rng.uniform(0.03, 0.14), rng.uniform(0.22, 0.32), rng.uniform(0.1, 0.24)
    high, arm_high = rng.uniform(0.7, 0.95), rng.uniform(0.45, 0.66)
    half, rear, front = width / 2, -depth / 2, depth / 2
    back = rng.uniform(0.16, 0.28)
    round_ = rng.uniform(0.015, 0.06)
    parts = [box((-half, foot, rear), (half, seat, front))]
    parts += [cushion((-half, seat, rear), (half, high, rear + back), round_)]
    for side in (-1, 1):
        low_x, high_x = sorted((side * half, side * (half - arm)))
        parts.append(cushion((low_x, seat, rear + back), (high_x, arm_high, front), round_))
    edges = np.linspace(-half + arm, half - arm, max(1, round((width - 2 * arm) / 0.62)) + 1)
    for a, b in pairwise(edges):
        parts.append(cushion((a + 0.004, seat, rear + back), (b - 0.004, seat + 0.16, front), 0.05))
        if rng.random() < 0.7:
            pillow = cushion((a + 0.03, 0, 0), (b - 0.03, 0.36, 0.13), 0.06)
            parts.append(moved(rotated(pillow, "x", -12), (0, seat + 0.17, rear + back + 0.06)))
    if width > 1.5 and rng.random() < 0.35:
        side, reach = int(rng.choice([-1, 1])), rng.uniform(0.4, 0.8)
        a, b = sorted((side * half, side * (half - 0.65)))
        parts += [box((a, foot, front), (b, seat, front + reach))]
        parts += [cushion((a, seat, front), (b, seat + 0.16, front + reach), 0.05)]
    inset = 0.07
    feet = [(sx * (half - inset), sz * (front - inset)) for sx in (-1, 1) for sz in (-1, 1)]
    return joined([*parts, *(cylinder((x, 0, z), 0.025, foot, top=0.035, sides=8) for x, z in feet)])


def bed(rng: Rng) -> Mesh:
    """Returns a bed, head towards −z: frame, mattress, headboard, pillows; some with blanket, foot board."""
    width, length = rng.uniform(0.85, 1.9), rng.uniform(1.85, 2.15)
    frame, top = rng.uniform(0.2, 0.36), rng.uniform(0.16, 0.28)
    half, head, foot = width / 2, -length / 2, length / 2
    parts = legs(rng, width, length, frame - 0.1)
    parts += [box((-half, frame - 0.1, head), (half, frame, foot))]
    parts += [cushion((-half + 0.02, frame, head + 0.02), (half - 0.02, frame + top, foot - 0.02), 0.05)]
    board = frame + top + rng.uniform(0.2, 0.6)
    if rng.random() < 0.7:
        parts.append(cushion((-half, 0, head - 0.07), (half, board, head), 0.02))
    else:
        posts = np.linspace(-half + 0.03, half - 0.03, int(rng.integers(5, 10)))
        parts += [bar((x, 0, head - 0.04), (x, board, head - 0.04), 0.022, sides=8) for x in posts]
        parts.append(bar((-half, board, head - 0.04), (half, board, head - 0.04), 0.03))
    if rng.random() < 0.45:
        parts.append(box((-half, 0, foot), (half, frame + top * rng.uniform(0.3, 1.6), foot + 0.05)))
    count = 2 if width > 1.25 else 1
    for x in (np.arange(count) - (count - 1) / 2) * width / count:
        parts.append(ellipsoid((x, frame + top + 0.05, head + 0.3), (0.36 * width / count, 0.075, 0.2)))
    if rng.random() < 0.6:
        start = rng.uniform(-0.35, 0.1) * length
        cover = frame + top
        parts.append(cushion((-half - 0.03, frame, start), (half + 0.03, cover + 0.05, foot - 0.01), 0.04))
    return joined(parts)
