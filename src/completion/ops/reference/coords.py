"""Packing of voxel coordinates into sortable 64-bit keys, bit by bit: the plain twin of the native code."""

from collections.abc import Sequence

import torch
from torch import Tensor

COORD_MIN, COORD_MAX = -(2**15), 2**15 - 1
BATCH_MAX = 2**16 - 1
_SIGN = -(2**63)


def encode(coords: Tensor) -> Tensor:
    """Keys whose signed order is the canonical row order: batch, then Morton.

    Args:
        coords: int32 [N, 4], columns batch, x, y, z in finest voxels.

    Returns:
        int64 [N], `(b << 48 | morton48(x + 32768, y + 32768, z + 32768)) ^ (1 << 63)`.

    Raises:
        ValueError: a value lies outside the range that a key holds.
    """
    check_range("encode", coords)
    batch = coords[:, 0].long()
    shifted = coords[:, 1:].long() - COORD_MIN
    keys = batch << 48
    for bit in range(16):
        for axis in range(3):
            keys = keys | (((shifted[:, axis] >> bit) & 1) << (3 * bit + axis))
    return keys ^ _SIGN


def decode(keys: Tensor) -> Tensor:
    """Coordinates int32 [N, 4] of the keys int64 [N]; the inverse of `encode`."""
    bits = keys ^ _SIGN
    columns = [(bits >> 48) & BATCH_MAX]
    for axis in range(3):
        value = torch.zeros_like(bits)
        for bit in range(16):
            value = value | (((bits >> (3 * bit + axis)) & 1) << bit)
        columns.append(value + COORD_MIN)
    return torch.stack(columns, dim=1).int()


def inside_box(keys: Tensor, low: Sequence[int], high: Sequence[int]) -> Tensor:
    """bool [N]: which keys int64 [N] have coordinates of at least `low` and below `high` on each axis."""
    space = decode(keys)[:, 1:].long()
    lowest, end = (torch.tensor(corner, device=keys.device) for corner in (low, high))
    return ((space >= lowest) & (space < end)).all(dim=1)


def in_range(coords: Tensor) -> Tensor:
    """bool [N]: which rows of integer coords [N, 4] a key can hold."""
    space = coords[:, 1:]
    inside = ((space >= COORD_MIN) & (space <= COORD_MAX)).all(dim=1)
    return inside & (coords[:, 0] >= 0) & (coords[:, 0] <= BATCH_MAX)


def check_range(function: str, coords: Tensor) -> None:
    """Raises ValueError naming the first row of coords [N, 4] that a key cannot hold."""
    outside = (~in_range(coords)).nonzero()
    if outside.numel():
        row = coords[outside[0, 0]].tolist()
        raise ValueError(
            f"{function}: coords must be within 0…{BATCH_MAX} for the batch and {COORD_MIN}…{COORD_MAX} "
            f"for x, y and z, got {row}; shift the coordinates or choose larger voxels"
        )
