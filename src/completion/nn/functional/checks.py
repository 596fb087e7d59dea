"""Checks of the arguments that many functions and modules share, and their sentences."""

from typing import Any

import torch
from torch import Tensor

from completion.nn.functional.dtypes import HALF_DTYPES, autocast_on
from completion.ops.checks import check_count, check_type
from completion.sparse import SparseTensor


def check_sparse(function: str, x: Any, name: str = "x") -> None:
    """Checks that an argument is a SparseTensor.

    Raises:
        TypeError: it is not.
    """
    check_type(function, name, x, SparseTensor, "make one with SparseTensor.from_coords")


def check_row(function: str, name: str, row: Any, features: Tensor) -> None:
    """Checks one number for each channel, [C], beside features [N, C].

    Raises:
        TypeError: not a tensor.
        ValueError: another shape or device.
    """
    check_type(function, name, row, Tensor, "wrap it with torch.as_tensor")
    if row.shape != features.shape[1:]:
        raise ValueError(
            f"{function}: {name} must be [{features.shape[1]}], got {list(row.shape)}; "
            "give one number for each channel"
        )
    check_same_device(function, name, row, features)


def check_same_device(function: str, name: str, tensor: Tensor, features: Tensor) -> None:
    """Checks that a tensor is where the features are.

    Raises:
        ValueError: it is not.
    """
    if tensor.device != features.device:
        raise ValueError(
            f"{function}: {name} must be on {features.device} as the features, got {tensor.device}; "
            "move one of them"
        )


def check_input(function: str, x: Any, num_channels: int, weight: Tensor | None, half: bool) -> None:
    """Checks the input of a module whose mathematics is torch's.

    Args:
        function: module's name.
        x: its input.
        num_channels: what the module was made for.
        weight: a parameter, whose device and dtype x must share outside autocast; None for no parameters.
        half: whether half features may meet a float32 weight.

    Raises:
        TypeError: not a SparseTensor, or of another dtype.
        ValueError: another number of channels, or on another device.
    """
    check_sparse(function, x)
    if x.num_channels != num_channels:
        raise ValueError(
            f"{function}: x must have {num_channels} channels, got {x.num_channels}; "
            "make the module for as many as it is given"
        )
    if weight is None:
        return
    check_same_device(function, "weight", weight, x.features)
    check_dtype(function, x, weight, half)


def check_dtype(function: str, x: SparseTensor, weight: Tensor, half: bool) -> None:
    """Checks that features and weight can meet in a product: of one dtype, unless autocast decides it.

    Args:
        function: of the sentence.
        x: features [N, C].
        weight: of any shape.
        half: whether half features may meet a float32 weight.

    Raises:
        TypeError: they cannot.
    """
    mixed = half and x.dtype in HALF_DTYPES and weight.dtype == torch.float32
    if x.dtype != weight.dtype and not mixed and not autocast_on(x.features):
        raise TypeError(
            f"{function}: x must be of the weight's dtype {weight.dtype}, got {x.dtype}; "
            "convert one of them or use torch.autocast"
        )


def check_groups(function: str, num_groups: int, num_channels: int) -> None:
    """Checks that channels can be divided into so many groups.

    Raises:
        ValueError: they cannot.
    """
    check_count(function, "num_groups", num_groups, least=1)
    if num_channels % num_groups:
        raise ValueError(
            f"{function}: num_groups must divide num_channels = {num_channels}, got {num_groups}; "
            "choose a divisor"
        )


def check_fill(function: str, fill: Any) -> None:
    """Checks the value that stands for an absent voxel.

    Raises:
        TypeError: not a number.
    """
    if not isinstance(fill, (int, float)):
        raise TypeError(f"{function}: fill must be a number, got {type(fill).__name__}; 0.0 is usual")


def check_eps(function: str, eps: Any) -> None:
    """Checks what is added to a variance.

    Raises:
        ValueError: not a number, or negative.
    """
    if not isinstance(eps, (int, float)) or not eps >= 0:
        raise ValueError(f"{function}: eps must be a number of at least 0, got {eps!r}; 1e-5 is usual")


def check_probability(function: str, name: str, value: Any) -> None:
    """Checks a probability in 0…1.

    Raises:
        ValueError: not a number in that range.
    """
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{function}: {name} must be a number in 0…1, got {value!r}; choose one")
