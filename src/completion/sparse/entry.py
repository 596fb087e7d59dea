"""Where coordinates enter: checks that look at the data happen here, once; from then on rows are trusted."""

from typing import NamedTuple

import torch
from torch import Tensor

from completion import ops
from completion.ops.checks import check_type, check_values
from completion.ops.coords import check_limits, limits
from completion.sparse.checks import check_batch_size
from completion.sparse.strides import Size, Triple, is_power_of_two, triple


class Entry(NamedTuple):
    """Checked coordinates in canonical order, with the way back to the input rows.

    Attributes:
        keys: int64 [M] ascending and unique.
        rows: int32 [N], the voxel row of each input row.
        first: int32 [M], the lowest input row of each voxel.
        stride: per axis, finest voxels.
        batch_size: given, or the largest batch index + 1.
    """

    keys: Tensor
    rows: Tensor
    first: Tensor
    stride: Triple
    batch_size: int


def enter(function: str, coords: Tensor, stride: Size, batch_size: int | None, merge: bool) -> Entry:
    """Checks coords int32 [N, 4] and sorts them into a canonical set; repeated rows only if they `merge`."""
    check_type(function, "coords", coords, Tensor, "wrap it with torch.as_tensor")
    if coords.ndim != 2 or coords.shape[1] != 4:
        raise ValueError(
            f"{function}: coords must be [N, 4] (batch, x, y, z), got {list(coords.shape)}; "
            "put the batch index in the first column"
        )
    if coords.dtype != torch.int32:
        raise TypeError(f"{function}: coords must be int32, got {coords.dtype}; convert them with .int()")
    check_values(function, "coords", coords)
    step = triple(function, "stride", stride)
    _check_multiples(function, coords, step)
    if batch_size is not None:
        check_batch_size(function, batch_size)
    keys, rows, first, needed = _canonical(coords)
    if not merge and keys.shape[0] != coords.shape[0]:
        _refuse_duplicates(function, coords, rows, first)
    return Entry(keys, rows, first, step, _batch_size(function, needed, batch_size))


def _canonical(coords: Tensor) -> tuple[Tensor, Tensor, Tensor, int]:
    """The canonical set, and the largest batch index + 1. On CUDA one wait: for the set's size.

    The limits of the coordinates are queued before it and have arrived with it; the keys of coordinates out
    of range are numbers that mean nothing, and are thrown away then.
    """
    if coords.shape[0] == 0:
        return *ops.coordinate_set(ops.encode(coords)), 0
    if not coords.is_cuda:
        return *ops.coordinate_set(ops.encode(coords)), int(coords[:, 0].max()) + 1
    found = limits(coords)
    sets = ops.coordinate_set(torch.ops.completion.encode(coords))
    check_limits("encode", *found.tolist())
    return *sets, int(found[1, 0]) + 1


def _check_multiples(function: str, coords: Tensor, stride: Triple) -> None:
    if stride == (1, 1, 1):
        return
    # Wider than the range and still int32: then 0 is the only multiple.
    step = torch.tensor([min(t, 2**16) for t in stride], device=coords.device, dtype=torch.int32)
    # What is left of a division by powers of two is bits.
    are_bits = all(map(is_power_of_two, stride))
    remainder = coords[:, 1:] & (step - 1) if are_bits else coords[:, 1:] % step
    if remainder.any():
        wrong = remainder.any(dim=1).nonzero()
        raise ValueError(
            f"{function}: coords must be multiples of the stride {stride}, "
            f"got {coords[wrong[0, 0]].tolist()} and {wrong.shape[0] - 1} more; "
            "coordinates stay in finest voxels at every stride"
        )


def _refuse_duplicates(function: str, coords: Tensor, rows: Tensor, first: Tensor) -> None:
    later = first[rows.long()] != torch.arange(rows.shape[0], device=rows.device)
    example = coords[later.nonzero()[0, 0]].tolist()
    raise ValueError(
        f"{function}: coords must be unique, got {int(later.sum())} repeated rows such as {example}; "
        "name a rule in `duplicates` to merge them"
    )


def _batch_size(function: str, needed: int, batch_size: int | None) -> int:
    if batch_size is not None and batch_size < needed:
        raise ValueError(
            f"{function}: batch_size must be at least {needed} (the largest batch index + 1), "
            f"got {batch_size}; count empty items too"
        )
    return needed if batch_size is None else batch_size
