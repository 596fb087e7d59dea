"""The recipe of boats: random generator in, mesh out; metres, y up, bow +z."""

import numpy as np

from completion.data.arrays import FloatArray
from completion.data.shape import Mesh
from completion.data.toy.parts import (
    box,
    cylinder,
    joined,
    loft,
    rectangle,
    rotated,
    tube,
)
from completion.data.toy.seating import Rng


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
