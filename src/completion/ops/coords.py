"""encode, decode, inside_box: voxels to packed keys, whose order is the canonical row order, and back."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.checks import check_integers, check_keys, check_tensor

COORD_MIN, COORD_MAX, BATCH_MAX = -32768, 32767, 65535


def encode(coords: Tensor) -> Tensor:
    """Keys of coordinates: ascending keys are ordered by batch, then Morton code.

    `key = (b << 48 | morton48(x + 32768, y + 32768, z + 32768)) ^ 1 << 63`, read as signed.

    Args:
        coords: [N, 4] int32 batch, x, y, z in finest voxels; −32768…32767 per axis, batch 0…65535.

    Returns:
        [N] int64.

    Raises:
        TypeError, ValueError: wrong dtype or shape, or a value outside the range.

    Syncs: once on CUDA, for the range check. Deterministic.
    """
    check_tensor("encode", "coords", coords, (torch.int32,), "N, 4")
    if coords.is_cuda:
        check_range("encode", coords)
    try:
        return torch.ops.completion.encode(coords)
    except RuntimeError:  # on the CPU the kernel looks at every coordinate anyway; this says which is wrong
        check_range("encode", coords)
        raise


def decode(keys: Tensor) -> Tensor:
    """Coordinates [N, 4] int32 (batch, x, y, z in finest voxels) of keys [N] int64; the inverse of encode.

    Raises:
        TypeError, ValueError: wrong dtype or shape.
    """
    check_keys("decode", "keys", keys)
    return torch.ops.completion.decode(keys)


def inside_box(keys: Tensor, low: Sequence[int], high: Sequence[int]) -> Tensor:
    """Which keys lie in a box: bool [N], `low ≤ coordinate < high` on each axis.

    Args:
        keys: [N] int64.
        low: x, y, z of the lowest corner in finest voxels.
        high: x, y, z of the highest one, which is not in the box; corners may lie beyond the range of keys.

    Raises:
        TypeError, ValueError: wrong dtype or shape, or a corner is not three integers.

    Syncs: never. Deterministic.
    """
    check_keys("inside_box", "keys", keys)
    lowest, end = check_corner("inside_box", "low", low), check_corner("inside_box", "high", high)
    return torch.ops.completion.inside_box(keys, lowest, end)


def check_corner(function: str, name: str, values: Sequence[int]) -> list[int]:
    """The corner of a box as three ints that 64 bits hold.

    Raises:
        TypeError, ValueError: not three integers.
    """
    corner = check_integers(function, name, values)
    if len(corner) != 3:
        raise ValueError(f"{function}: {name} must be three integers, got {corner}; give x, y, z")
    return [max(COORD_MIN, min(value, COORD_MAX + 1)) for value in corner]  # no coordinate lies beyond


def check_range(function: str, coords: Tensor) -> None:
    """Checks that a key can hold each of the coordinates, of any integer dtype [N, 4].

    Raises:
        ValueError: it cannot.
    """
    if coords.shape[0] > 0 and not coords.is_meta:
        check_limits(function, *read_limits(coords))


def read_limits(coords: Tensor) -> list[list[int]]:
    """`limits` as two lists of four. Syncs: once on CUDA."""
    found = limits(coords)
    if coords.is_cuda:
        torch.cuda.current_stream(coords.device).synchronize()
    return found.tolist()


def limits(coords: Tensor) -> Tensor:
    """Lowest and highest value of each column, [2, 4] on the CPU, of N ≥ 1 rows.

    On CUDA the copy is only queued: read it after the next wait for the stream.
    """
    return torch.stack((coords.amin(dim=0), coords.amax(dim=0))).to("cpu", non_blocking=True)


def check_limits(function: str, low: Sequence[int], high: Sequence[int]) -> None:
    """Checks that a key can hold coordinates (batch, x, y, z) from the lowest to the highest.

    Raises:
        ValueError: it cannot.
    """
    bounds = ((0, BATCH_MAX), *((COORD_MIN, COORD_MAX),) * 3)
    for axis, least, greatest, (minimum, maximum) in zip(
        ("batch", "x", "y", "z"), low, high, bounds, strict=True
    ):
        if least < minimum or greatest > maximum:
            value = least if least < minimum else greatest
            raise ValueError(
                f"{function}: coords must have {axis} in {minimum}…{maximum}, got {value}; "
                "shift the coordinates or choose larger voxels"
            )


@torch.library.register_fake("completion::encode")
def _encode_fake(coords: Tensor) -> Tensor:
    return coords.new_empty(coords.shape[0], dtype=torch.int64)


@torch.library.register_fake("completion::decode")
def _decode_fake(keys: Tensor) -> Tensor:
    return keys.new_empty(keys.shape[0], 4, dtype=torch.int32)


@torch.library.register_fake("completion::inside_box")
def _inside_box_fake(keys: Tensor, low: Sequence[int], high: Sequence[int]) -> Tensor:
    return keys.new_empty(keys.shape[0], dtype=torch.bool)
