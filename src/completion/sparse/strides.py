"""Numbers per axis: checked triples and the arithmetic of strides. A stride is in finest voxels."""

from collections.abc import Sequence

Triple = tuple[int, int, int]
Size = int | Sequence[int]


def triple(function: str, name: str, value: Size) -> Triple:
    """Three positive ints from one int or three, checked; the names serve the error sentence."""
    if type(value) is int and value > 0:  # as most are
        return value, value, value
    # Tuples first: to ask the abstract class takes longer than all else here.
    values = tuple(value) if isinstance(value, (tuple, list, Sequence)) else (value,) * 3
    if len(values) == 3 and not isinstance(value, (bytes, bytearray)):
        x, y, z = values
        if type(x) is type(y) is type(z) is int and x > 0 and y > 0 and z > 0:
            return x, y, z
    raise ValueError(
        f"{function}: {name} must be a positive int or three of them, got {value!r}; "
        "give one number for all axes or (x, y, z)"
    )


def is_power_of_two(value: int) -> bool:
    """Whether a stride is one, so that multiples of it are bits."""
    return value & (value - 1) == 0


def coarser(stride: Triple, factor: Triple) -> Triple:
    """The stride a factor coarser: `t * s`."""
    return stride[0] * factor[0], stride[1] * factor[1], stride[2] * factor[2]


def finer(function: str, stride: Triple, factor: Triple) -> Triple:
    """The stride a factor finer: `t / s`; a ValueError in the function's name where not whole."""
    (x, y, z), (a, b, c) = stride, factor
    if x % a or y % b or z % c:
        raise ValueError(
            f"{function}: stride must divide the tensor's stride {stride}, got {factor}; "
            "no finer level exists below stride 1"
        )
    return x // a, y // b, z // c


def factor_between(function: str, stride: Triple, wanted: Triple) -> Triple:
    """How many times coarser `wanted` is; a ValueError in the function's name where not whole."""
    if any(w % t for w, t in zip(wanted, stride, strict=True)):
        raise ValueError(
            f"{function}: stride must be a multiple of {stride}, got {wanted}; a set can only be made coarser"
        )
    x, y, z = (w // t for w, t in zip(wanted, stride, strict=True))
    return x, y, z
