"""Enumeration of kernel offsets: order, phase, region and scale; owns no coordinates and no tensors.

A kernel is known by its axes, nine numbers, wherever a table is looked up; its offsets are listed only where
a set or a table is made.
"""

from functools import lru_cache
from itertools import product
from math import prod
from typing import Literal

import torch

from completion.sparse.strides import Size, Triple, triple

Phase = Literal["corner", "centered"]
Region = Literal["cube", "cross"]
Axis = tuple[int, int, int]  # first site, distance of sites, number of sites; finest voxels
Axes = tuple[Axis, Axis, Axis]
MAX_OFFSETS = 343


def kernel_offsets(
    kernel_size: Size,
    dilation: Size = 1,
    stride: Size = 1,
    phase: Phase = "corner",
    region: Region = "cube",
) -> tuple[int, ...]:
    """Offsets x, y, z of every kernel index, flattened to 3·K ints in finest voxels.

    Index order of the cube, first axis fastest: `i = ix + kx * (iy + ky * iz)`. With `d` the dilation and
    `t` the stride, an axis of size k puts index i at

    * odd k, both phases: `(i - k // 2) * d * t`
    * even k, "corner": `i * d * t`, never negative
    * even k, "centered": `(i - k // 2 + 1) * d * t`; for a layer stride of 2 that is symmetric about the
      parent cell, as `padding = k / 2 - 1` is for torch's transposed convolution

    The cross holds the centre, then for each axis +1…+r, -r…-1 (odd sizes only). Offsets end at ±2⁴⁰: what
    lies farther leads as surely out of the range of coordinates.

    Args:
        kernel_size: sites per axis; at most 343 offsets in all.
        dilation: distance between sites, in units of `stride`.
        stride: stride of the finer of the two sets, in finest voxels.
        phase: where even sizes are anchored.
        region: the whole cube, or the three axes through its centre.

    Raises:
        ValueError: an unknown phase or region, an even cross, or more than 343 offsets.
    """
    size = triple("kernel_offsets", "kernel_size", kernel_size)
    spread = triple("kernel_offsets", "dilation", dilation)
    scale = triple("kernel_offsets", "stride", stride)
    return offsets_on(kernel_axes(size, spread, scale, phase, region), region)


def kernel_axes(
    kernel_size: Triple, dilation: Triple, stride: Triple, phase: Phase = "corner", region: Region = "cube"
) -> Axes:
    """First site, distance and number of sites per axis; arguments and errors as `kernel_offsets`."""
    if phase not in ("corner", "centered"):
        raise ValueError(f'kernel_offsets: phase must be "corner" or "centered", got {phase!r}; choose one')
    if region not in ("cube", "cross"):
        raise ValueError(f'kernel_offsets: region must be "cube" or "cross", got {region!r}; choose one')
    # Each layer asks, for one of a few: to work them out takes the host longer. torch.compile sees no caches.
    axes = _axes if torch.compiler.is_compiling() else _known_axes
    return axes(kernel_size, dilation, stride, phase)


def _axes(kernel_size: Triple, dilation: Triple, stride: Triple, phase: Phase) -> Axes:
    x, y, z = (_axis(kernel_size[i], dilation[i] * stride[i], phase) for i in range(3))
    return x, y, z


_known_axes = lru_cache(maxsize=1024)(_axes)


def cell_axes(factor: Triple, stride: Triple) -> Axes:
    """Axes of all sites in a floor cell: `i * t`, i = 0…factor - 1."""
    x, y, z = ((0, t, f) for f, t in zip(factor, stride, strict=True))
    return x, y, z


def num_offsets(kernel_size: Triple, region: Region = "cube") -> int:
    """Number of kernel indices K."""
    x, y, z = kernel_size
    return x * y * z if region == "cube" else x + y + z - 2


@lru_cache(maxsize=1024)
def offsets_on(axes: Axes, region: Region = "cube") -> tuple[int, ...]:
    """Offsets of a kernel given by its axes, flattened to 3·K ints; order and errors of `kernel_offsets`."""
    _check(axes, region)
    sites = [[_within_64_bits(first + i * step) for i in range(size)] for first, step, size in axes]
    if region == "cube":
        return tuple(value for z, y, x in product(*reversed(sites)) for value in (x, y, z))
    offsets = [0, 0, 0]
    for axis, values in enumerate(sites):
        r = len(values) // 2
        for value in values[r + 1 :] + values[:r]:
            offsets += [value if other == axis else 0 for other in range(3)]
    return tuple(offsets)


@lru_cache(maxsize=1024)
def mirrored_order(offsets: tuple[int, ...]) -> tuple[int, ...] | None:
    """Kernel index of the opposite offset for each index, or None when an opposite is missing."""
    sites = [offsets[i : i + 3] for i in range(0, len(offsets), 3)]
    index = {site: k for k, site in enumerate(sites)}
    opposite = [index.get((-x, -y, -z)) for x, y, z in sites]
    return None if None in opposite else tuple(k for k in opposite if k is not None)


@lru_cache(maxsize=1024)
def slots_on(offsets: tuple[int, ...], stride: Triple) -> tuple[int, ...]:
    """A number for each offset, such that those which can lead to one site from a set of this stride differ.

    These agree modulo the stride: they are counted from 0 in the order of the offsets.
    """
    counts: dict[tuple[int, ...], int] = {}
    slots = []
    for first in range(0, len(offsets), 3):
        residue = tuple(offsets[first + axis] % stride[axis] for axis in range(3))
        slots.append(counts.get(residue, 0))
        counts[residue] = slots[-1] + 1
    return tuple(slots)


def _axis(size: int, step: int, phase: Phase) -> Axis:
    if size % 2:
        return -(size // 2) * step, step, size
    return (-(size // 2 - 1) * step if phase == "centered" else 0), step, size


def _within_64_bits(offset: int) -> int:
    """The offset, cut where an operator's 64 bits might not hold it."""
    return max(-(2**40), min(offset, 2**40))


def _check(axes: Axes, region: str) -> None:
    kernel_size = tuple(size for _, _, size in axes)
    if region == "cross" and not all(size % 2 for size in kernel_size):
        raise ValueError(
            f"kernel_offsets: kernel_size must be odd for a cross, got {kernel_size}; use a cube or odd sizes"
        )
    number = prod(kernel_size)
    if region == "cube" and number > MAX_OFFSETS:
        raise ValueError(
            f"kernel_offsets: kernel_size must give at most {MAX_OFFSETS} offsets, got {kernel_size} "
            f"with {number}; use a smaller kernel or dilation"
        )
