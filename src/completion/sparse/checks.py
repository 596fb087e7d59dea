"""Checks of sets, masks and numbers per axis at the edge of floor 2, and their sentences."""

from operator import index
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from completion.ops.checks import check_count, check_type
from completion.ops.coords import BATCH_MAX
from completion.sparse.strides import Triple

if TYPE_CHECKING:
    from completion.sparse.coord_map import CoordMap


def check_set(function: str, name: str, value: Any, like: "CoordMap") -> None:
    """Checks that an argument is a CoordMap on the device of another one.

    Raises:
        TypeError: another class.
        ValueError: another device.
    """
    check_type(function, name, value, type(like), "make one with CoordMap.from_coords")
    if value.device != like.device:
        raise ValueError(
            f"{function}: {name} must be on {like.device}, got {value.device}; move one of the sets with .to"
        )


def check_stride(function: str, name: str, value: Any, like: "CoordMap") -> None:
    """Checks that an argument is a CoordMap on the device of another one, and of its stride.

    Raises:
        TypeError, ValueError: as check_set; another stride.
    """
    check_set(function, name, value, like)
    if value.stride != like.stride:
        raise ValueError(
            f"{function}: {name} must be of stride {like.stride}, got {value.stride}; "
            "bring both sets to one stride first"
        )


def check_batch_size(function: str, batch_size: int) -> None:
    """Checks a number of batch items, which is at most what keys can tell apart.

    Raises:
        ValueError: no count, or too many.
    """
    check_count(function, "batch_size", batch_size)
    if batch_size > BATCH_MAX + 1:
        raise ValueError(
            f"{function}: batch_size must be at most {BATCH_MAX + 1}, got {batch_size}; split the batch"
        )


def check_mask(function: str, name: str, mask: Any, coord_map: "CoordMap") -> None:
    """Checks that an argument is bool [N], one for each row of a set, on its device.

    Raises:
        TypeError: not a tensor.
        ValueError: another dtype, shape or device.
    """
    check_type(function, name, mask, Tensor, "give one bool for each row")
    if mask.dtype != torch.bool or mask.shape != coord_map.keys.shape:
        raise ValueError(
            f"{function}: {name} must be bool [{coord_map.num_rows}], got {mask.dtype} {list(mask.shape)}; "
            "give one value for each row"
        )
    if mask.device != coord_map.device:
        raise ValueError(
            f"{function}: {name} must be on {coord_map.device}, got {mask.device}; move it to the set"
        )


def three_integers(function: str, name: str, values: Any, least: int | None = None) -> Triple:
    """The values as three ints; a ValueError in the function's name for anything else, fractions included."""
    try:
        x, y, z = (index(value) for value in values)
        if least is None or min(x, y, z) >= least:
            return x, y, z
    except (TypeError, ValueError):
        pass
    bound = "" if least is None else f" of at least {least}"
    raise ValueError(f"{function}: {name} must be three integers{bound}, got {values!r}; give (x, y, z)")


def known_device(function: str, device: torch.device | str) -> torch.device:
    """The device with its index, as tensors have it; a ValueError in the function's name for any other."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, TypeError, AssertionError) as error:  # the last by a torch without CUDA
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{function}: device must be one that torch has, got {device!r}; torch says: {reason}"
        ) from None
