"""Recipes of bottles, mugs, teapots and vases: one random generator in, one mesh out; metres, y up."""

import numpy as np

from completion.data.shape import Mesh
from completion.data.toy.parts import cylinder, ellipsoid, joined, lathe, moved, tube
from completion.data.toy.seating import Rng


def bottle(rng: Rng) -> Mesh:
    """Returns a bottle, round or squarish: body, shoulder, neck, cap."""
    radius, height = rng.uniform(0.03, 0.05), rng.uniform(0.12, 0.24)
    neck, neck_high = radius * rng.uniform(0.28, 0.55), rng.uniform(0.02, 0.09)
    shoulder = rng.uniform(0.3, 1.2) * radius
    waist = rng.uniform(0.8, 1.0) if rng.random() < 0.4 else 1.0
    profile = [
        (0.9 * radius, 0.0),
        (radius, 0.08 * radius),
        (radius * waist, 0.45 * height),
        (radius, 0.8 * height),
    ]
    profile += [(radius, height)]
    curve = np.linspace(0, np.pi / 2, 5)[1:]
    profile += [
        (neck + (radius - neck) * float(np.cos(a)), height + shoulder * float(np.sin(a))) for a in curve
    ]
    top = height + shoulder + neck_high
    body = lathe([*profile, (neck, top)], power=float(rng.choice([2.0, 2.0, rng.uniform(3, 6)])))
    flat = rng.uniform(0.55, 1.0) if rng.random() < 0.4 else 1.0
    body = Mesh(body.vertices * [1, 1, flat], body.faces)
    cap = neck * rng.uniform(1.05, 1.3)
    parts = [body, cylinder((0, top, 0), cap * max(flat, 0.8), rng.uniform(0.01, 0.03), sides=20)]
    if rng.random() < 0.2:
        parts.append(cylinder((0, top + 0.02, 0), 0.4 * neck, 0.03))
        parts.append(
            tube(
                np.array([[0, top + 0.05, 0], [0, top + 0.055, 0.6 * radius], [0, top + 0.045, radius]]),
                0.006,
            )
        )
    return joined(parts)


def mug(rng: Rng) -> Mesh:
    """Returns a mug: hollow, straight, tapered or bellied, with one handle towards +x."""
    radius, height = rng.uniform(0.032, 0.055), rng.uniform(0.06, 0.13)
    wall, foot = rng.uniform(0.003, 0.006), rng.uniform(0.65, 1.05)
    belly = rng.uniform(-0.02, 0.25) if rng.random() < 0.4 else 0.0
    level = np.linspace(0, 1, 7)
    outer = radius * (foot + (1 - foot) * level + belly * np.sin(np.pi * level))
    profile = [(float(r), float(y * height)) for r, y in zip(outer, level, strict=True)]
    inner = [(max(r - wall, 0.002), max(y, 1.5 * wall)) for r, y in reversed(profile)]
    middle = float(np.interp(0.5, level, outer))
    return joined(
        [lathe([*profile, *inner]), _handle(rng, middle, height * 0.5, height * rng.uniform(0.26, 0.36))]
    )


def _handle(rng: Rng, x: float, y: float, half: float) -> Mesh:
    """Returns a bow in the plane z = 0 on the +x side of a wall at radius x, at height y ± half."""
    reach, thick = half * rng.uniform(0.7, 1.2), rng.uniform(0.1, 0.17) * half * 1.6
    power = rng.uniform(0.55, 1.0)
    turn = np.linspace(-np.pi / 2, np.pi / 2, 13)
    out = np.abs(np.cos(turn)) ** power * reach
    path = np.stack([x - 0.3 * thick + out, y + half * np.sin(turn), np.zeros_like(turn)], axis=1)
    return tube(path, thick)


def teapot(rng: Rng) -> Mesh:
    """Returns a teapot: bellied body, lid with a knob, spout towards −x, handle towards +x."""
    radius, height = rng.uniform(0.07, 0.1), rng.uniform(0.09, 0.17)
    level = np.linspace(0, 1, 11)
    peak = rng.uniform(0.35, 0.55)
    swell = np.sin(np.pi * level ** (np.log(0.5) / np.log(peak))) ** rng.uniform(0.5, 0.9)
    rim = rng.uniform(0.35, 0.6)
    outer = radius * (0.55 + (rim - 0.55) * level + (1 - 0.55) * swell)
    body = lathe([(float(r), float(y * height)) for r, y in zip(outer, level, strict=True)])
    lid = lathe(
        [(rim * radius * 1.05, 0), (rim * radius * 0.9, 0.015), (0.3 * rim * radius, 0.03), (0.01, 0.034)]
    )
    knob = ellipsoid((0, height + 0.042, 0), (0.012, 0.012, 0.012), sides=10, rings=7)
    middle = float(np.interp(0.5, level, outer))
    start, rise = float(np.interp(0.3, level, outer)), rng.uniform(0.85, 1.1) * height
    reach = rng.uniform(0.05, 0.09)
    along = np.linspace(0, 1, 7)
    spout_x = -(start - 0.012 + reach * (along + 0.12 * np.sin(2 * np.pi * along)))
    spout = np.stack([spout_x, 0.3 * height + (rise - 0.3 * height) * along**1.3, np.zeros(7)], axis=1)
    parts = [body, moved(lid, (0, height, 0)), knob, tube(spout, np.linspace(0.024, 0.011, 7), sides=12)]
    if rng.random() < 0.25:
        turn = np.linspace(0, np.pi, 13)
        bow = np.stack(
            [0.8 * middle * np.cos(turn), 0.9 * height + 0.6 * height * np.sin(turn), np.zeros(13)], axis=1
        )
        return joined([*parts, tube(bow, 0.006)])
    return joined([*parts, _handle(rng, middle, 0.52 * height, 0.3 * height)])


def vase(rng: Rng) -> Mesh:
    """Returns a hollow vase or bowl of random smooth profile; sometimes with two handles or stems in it."""
    radius, height = rng.uniform(0.06, 0.12), rng.uniform(0.08, 0.4)
    level = np.linspace(0, 1, 15)
    knots = np.array(
        [rng.uniform(0.35, 0.8), rng.uniform(0.6, 1.0), rng.uniform(0.5, 1.0), rng.uniform(0.3, 1.0)]
    )
    weights = np.stack([(1 - level) ** 3, 3 * level * (1 - level) ** 2, 3 * level**2 * (1 - level), level**3])
    outer, wall = radius * (knots @ weights), rng.uniform(0.004, 0.008)
    profile = [(float(r), float(y * height)) for r, y in zip(outer, level, strict=True)]
    inner = [(max(r - wall, 0.003), max(y, 2 * wall)) for r, y in reversed(profile)]
    parts = [lathe([*profile, *inner], power=float(rng.choice([2.0, 2.0, 2.0, 4.0])))]
    kind = rng.random()
    if kind < 0.25 and height > 0.15:
        middle = float(np.interp(0.6, level, outer))
        handle = _handle(rng, middle, 0.6 * height, 0.22 * height)
        parts += [handle, Mesh(handle.vertices * [-1, 1, -1], handle.faces)]
    elif kind < 0.5 and height > 0.15:
        for _ in range(int(rng.integers(2, 6))):
            lean = rng.normal(0, 0.25, 2) * height
            tip = np.array([lean[0], height * rng.uniform(1.4, 1.9), lean[1]])
            stem = np.array([[0, 3 * wall, 0], [0.2 * lean[0], height, 0.2 * lean[1]], tip])
            bloom = rng.uniform(0.02, 0.045)
            parts += [
                tube(stem, 0.004, sides=6),
                ellipsoid(tip, (bloom, 0.7 * bloom, bloom), sides=10, rings=7),
            ]
    return joined(parts)
