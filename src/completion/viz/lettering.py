"""Text as pixels, from the letters that Open3D carries; places nothing."""

from functools import cache

import numpy as np

HEIGHT, WIDTH = 16, 8
"""Pixels of one letter of Open3D's fixed-width font."""
ZOOM = 8


def letters(text: str, scale: float) -> np.ndarray:
    """Coverage float `[H, W]` in [0, 1] of one line of text; 1 is ink.

    Args:
        text: printable ASCII; anything else becomes a question mark.
        scale: height of a line in units of 16 pixels.
    """
    plain = text.encode("ascii", errors="replace").decode() or " "
    ink = np.concatenate([_letter(character) for character in plain], axis=1)
    return _resampled(ink.astype(np.float64), scale / ZOOM)


@cache
def _letter(character: str) -> np.ndarray:
    """One letter, bool `[8 · 16, 8 · 8]`: the bitmap's stairs smoothed, its strokes a little wider."""
    ink = _bitmap(character)
    for _ in range(3):
        ink = _smoothed_double(ink)
    bold = ink.copy()
    for step in (1, 2, 3):
        bold[:, step:] |= ink[:, :-step]
        bold[step:] |= ink[:-step]
    return bold


def _bitmap(character: str) -> np.ndarray:
    """The pixels of one letter, bool `[16, 8]`, top row first."""
    import open3d as o3d

    ink = np.zeros((HEIGHT, WIDTH + 4), dtype=bool)
    if character != " ":
        # Open3D makes no mesh of less than a letter with ink; each lit run of pixels is a rectangle of two
        # triangles, so the bounds of a triangle are whole pixels.
        mesh = o3d.t.geometry.TriangleMesh.create_text(character, depth=0.0)
        corners = mesh.vertex.positions.numpy()[mesh.triangle.indices.numpy()][..., :2]
        low, high = (np.rint(side).astype(int) for side in (corners.min(1), corners.max(1)))
        for (left, bottom), (right, top) in zip(low, high, strict=True):
            ink[bottom:top, left:right] = True
    return ink[::-1, 1 : WIDTH + 1]


def _smoothed_double(ink: np.ndarray) -> np.ndarray:
    """bool `[2 H, 2 W]`: each pixel in four, corners of diagonals filled (the EPX rule)."""
    padded = np.pad(ink, 1)
    up, down, left, right = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
    large = np.repeat(np.repeat(ink, 2, axis=0), 2, axis=1)
    straight = (left == right) | (up == down)
    for row, column, first, second in (
        (0, 0, up, left),
        (0, 1, up, right),
        (1, 0, down, left),
        (1, 1, down, right),
    ):
        large[row::2, column::2] = np.where(~straight & (first == second), first, ink)
    return large


def _resampled(image: np.ndarray, scale: float) -> np.ndarray:
    """The image brought to another size by averaging areas, one axis after the other."""
    for axis in (0, 1):
        size = image.shape[axis]
        edges = np.linspace(0, size, max(1, round(size * scale)) + 1)
        total = np.concatenate([np.zeros_like(image.take([0], axis)), image.cumsum(axis)], axis)
        below = np.floor(edges).astype(int).clip(max=size - 1)
        part = (edges - below).reshape((-1, 1) if axis == 0 else (1, -1))
        at_edges = total.take(below, axis) * (1 - part) + total.take(below + 1, axis) * part
        image = np.diff(at_edges, axis=axis) / np.diff(edges).mean()
    return image.clip(0, 1)
