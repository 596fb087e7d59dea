"""Checks of operator arguments at the Python edge, and their sentences; native code checks nothing twice."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.build import has_cuda

FEATURE_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
MAX_OFFSETS = 343
MAX_ROWS = 2**31 - 1  # rows are int32


def check_tensor(
    function: str,
    name: str,
    tensor: Tensor,
    dtypes: Sequence[torch.dtype],
    shape: str,
    like: Tensor | None = None,
) -> None:
    """Checks type, dtype, rank and device of one tensor argument.

    Args:
        function: operator's name, for the sentence.
        name: argument's name.
        tensor: the argument.
        dtypes: what is accepted.
        shape: axes for the sentence, as "N, 4"; a number is the size that the axis must have.
        like: tensor whose device this one must share.

    Raises:
        TypeError: not a tensor, or another dtype.
        ValueError: another shape or device, or a device that the native library was not built for.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"{function}: {name} must be a tensor, got {type(tensor).__name__}; wrap it with torch.as_tensor"
        )
    if tensor.dtype not in dtypes:
        wanted = " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
        actual = str(tensor.dtype).removeprefix("torch.")
        raise TypeError(f"{function}: {name} must be {wanted}, got {actual}; convert it first")
    axes = shape.split(", ")
    fits = tensor.ndim == len(axes) and all(
        not axis.isdecimal() or size == int(axis) for size, axis in zip(tensor.shape, axes, strict=True)
    )
    if not fits:
        raise ValueError(f"{function}: {name} must be [{shape}], got {list(tensor.shape)}; reshape it")
    check_device(function, name, tensor, like)


def check_device(function: str, name: str, tensor: Tensor, like: Tensor | None) -> None:
    """Checks that the native library serves the tensor's device and that `like` shares it.

    Raises:
        ValueError: it does not.
    """
    if like is not None and tensor.device != like.device:
        raise ValueError(
            f"{function}: {name} must be on {like.device} as the first argument, got {tensor.device}; "
            "move one of them"
        )
    if tensor.device.type not in ("cpu", "cuda", "meta"):
        raise ValueError(f"{function}: {name} must be on cpu or cuda, got {tensor.device}; move it")
    if tensor.is_cuda and not has_cuda():
        raise ValueError(
            f"{function}: {name} must be on cpu in this CPU-only build, got {tensor.device}; "
            "build the CUDA operators with `completion build cuda=true`, or import with COMPLETION_CUDA=1"
        )


def check_keys(function: str, name: str, keys: Tensor, like: Tensor | None = None) -> None:
    """Checks a tensor of packed keys: int64 [N]. Raises as check_tensor."""
    check_tensor(function, name, keys, (torch.int64,), "N", like)


def check_table(function: str, name: str, table: Tensor, rows: str, like: Tensor) -> None:
    """Checks a neighbour table: int32 [rows, K]. Raises as check_tensor."""
    check_tensor(function, name, table, (torch.int32,), f"{rows}, K", like)


def check_size(function: str, name: str, axis: str, actual: int, expected: int, source: str) -> None:
    """Checks one size against the argument `source` that fixes it.

    Raises:
        ValueError: they differ.
    """
    if actual != expected:
        raise ValueError(
            f"{function}: {name} must have {axis} = {expected} as {source}, got {actual}; "
            "pass the matching pair"
        )


def check_offsets(function: str, offsets: Sequence[int]) -> list[int]:
    """Offsets as a flat list of ints, three for each of at most 343 offsets.

    Raises:
        ValueError: the number of values is something else.
    """
    flat = [int(value) for value in offsets]
    if len(flat) % 3 != 0 or len(flat) > 3 * MAX_OFFSETS:
        raise ValueError(
            f"{function}: offsets must be x, y, z of at most {MAX_OFFSETS} offsets, got {len(flat)} numbers; "
            "flatten the [K, 3] offsets of a smaller kernel"
        )
    return flat
