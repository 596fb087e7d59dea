"""Checks of operator arguments at the Python edge, and their sentences; native code checks nothing twice."""

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from operator import index

import torch
from torch import Tensor
from torch.autograd import forward_ad

from completion.ops.build import has_cuda

FEATURE_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
MAX_OFFSETS = 343
MAX_ROWS = 2**31 - 1  # rows are int32


def refuse_forward_mode(function: str) -> None:
    """Refuses to run under forward-mode differentiation, which would silently lose the tangents.

    Raises:
        NotImplementedError: forward mode is on.
    """
    if forward_ad._current_level >= 0:
        raise NotImplementedError(
            f"{function}: derivatives must be taken backward, got forward mode (torch.func.jvp, forward_ad); "
            "use torch.autograd.grad"
        )


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
        shape: axes for the sentence, as "N, 4" or ""; a number at the end is the size that the axis has.
        like: tensor whose device this one must share.

    Raises:
        TypeError: not a tensor, or another dtype.
        ValueError: another shape or device, or a device that the native library was not built for.
    """
    check_type(function, name, tensor, Tensor, "wrap it with torch.as_tensor")
    if tensor.dtype not in dtypes:
        wanted = " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
        actual = str(tensor.dtype).removeprefix("torch.")
        raise TypeError(f"{function}: {name} must be {wanted}, got {actual}; convert it first")
    last = shape.rpartition(" ")[2]
    if tensor.ndim != shape.count(",") + bool(shape) or (last.isdecimal() and tensor.shape[-1] != int(last)):
        raise ValueError(f"{function}: {name} must be [{shape}], got {list(tensor.shape)}; reshape it")
    check_dense(function, name, tensor)
    check_device(function, name, tensor, like)


def check_dense(function: str, name: str, tensor: Tensor) -> None:
    """Checks that a tensor is none of torch's sparse ones.

    Raises:
        ValueError: it is.
    """
    if tensor.layout != torch.strided:
        raise ValueError(f"{function}: {name} must be dense, got {tensor.layout}; convert it with to_dense()")


def check_type(function: str, name: str, value: object, kind: type, remedy: str) -> None:
    """Checks that an argument is of a class.

    Raises:
        TypeError: it is not; the sentence ends with the remedy.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{function}: {name} must be a {kind.__name__}, got {type(value).__name__}; {remedy}")


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
    if not (tensor.is_cuda or tensor.is_cpu or tensor.is_meta):
        raise ValueError(f"{function}: {name} must be on cpu or cuda, got {tensor.device}; move it")
    if tensor.is_cuda and not has_cuda():
        raise ValueError(
            f"{function}: {name} must be on cpu in this CPU-only build, got {tensor.device}; "
            "build the CUDA operators with `completion build cuda=true`, or import with COMPLETION_CUDA=1"
        )


def check_keys(function: str, name: str, keys: Tensor, like: Tensor | None = None) -> None:
    """Checks a tensor of packed keys: int64 [N], N ≤ 2³¹ − 1. Raises as check_tensor."""
    check_tensor(function, name, keys, (torch.int64,), "N", like)
    if keys.shape[0] > MAX_ROWS:
        raise ValueError(
            f"{function}: {name} must have at most {MAX_ROWS} rows, got {keys.shape[0]}; split the batch"
        )


def check_values(function: str, name: str, tensor: Tensor) -> None:
    """Checks that a tensor is not on meta, where the result's size follows from its values.

    Raises:
        ValueError: it is.
    """
    if tensor.is_meta:
        raise ValueError(
            f"{function}: {name} must be on cpu or cuda, got {tensor.device}; the result's size needs values"
        )


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


def check_columns(function: str, features: Tensor, columns: dict[str, Tensor]) -> None:
    """Checks arguments [C] that stand beside features [N, C], by their names. Raises as check_tensor."""
    for name, column in columns.items():
        check_tensor(function, name, column, FEATURE_DTYPES, "C", features)
        check_size(function, name, "C", column.shape[0], features.shape[1], "features")


def check_number(function: str, name: str, value: float) -> None:
    """Checks a real number.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, Real):
        raise TypeError(f"{function}: {name} must be a number, got {value!r}; pass a float")


def check_count(function: str, name: str, value: int, least: int = 0) -> None:
    """Checks a number of things, which is at most 2³¹ − 1 as rows are int32.

    Raises:
        ValueError: not an integer in that range.
    """
    whole = type(value) is int or (  # nearly always, and an abstract class takes its time to answer
        isinstance(value, (Integral, torch.SymInt)) and not isinstance(value, bool)
    )
    if not whole or not least <= value <= MAX_ROWS:
        raise ValueError(
            f"{function}: {name} must be an integer in {least}…{MAX_ROWS}, got {value!r}; pass a whole number"
        )


def check_integers(function: str, name: str, values: Iterable[int]) -> list[int]:
    """The values as a list of ints; nothing is rounded.

    Raises:
        TypeError: not a sequence of integers.
    """
    try:
        return list(map(index, values))
    except TypeError:
        raise TypeError(
            f"{function}: {name} must be a sequence of integers, got {values!r}; convert its numbers"
        ) from None


def check_offsets(function: str, offsets: Sequence[int]) -> list[int]:
    """Offsets as a flat list of ints, three for each of at most 343 offsets.

    Raises:
        TypeError: not integers.
        ValueError: the number of values is something else.
    """
    flat = check_integers(function, "offsets", offsets)
    if len(flat) % 3 != 0 or len(flat) > 3 * MAX_OFFSETS:
        raise ValueError(
            f"{function}: offsets must be x, y, z of at most {MAX_OFFSETS} offsets, got {len(flat)} numbers; "
            "flatten the [K, 3] offsets of a smaller kernel"
        )
    return flat
