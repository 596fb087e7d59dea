"""generative_set: the new set that a generative layer makes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.checks import check_keys, check_offsets, check_values
from completion.ops.coords import decode
from completion.ops.range_errors import range_error


def generative_set(keys: Tensor, offsets: Sequence[int]) -> Tensor:
    """Canonical set of all children `unique{p + offset}`.

    Args:
        keys: [N] int64 canonical parents.
        offsets: K · 3 integers x, y, z in finest voxels, K ≤ 343.

    Returns:
        [M] int64 canonical.

    Raises:
        TypeError, ValueError: wrong dtype, shape or offsets, or a child outside −32768…32767.

    Syncs: once on CUDA, to read M. Deterministic.
    """
    check_keys("generative_set", "keys", keys)
    check_values("generative_set", "keys", keys)
    flat = check_offsets("generative_set", offsets)
    if keys.shape[0] * (len(flat) // 3) >= 2**31:
        raise ValueError(
            f"generative_set: keys must be fewer than 2^31 / K = {2**31 * 3 // len(flat)}, "
            f"got {keys.shape[0]}; split the batch"
        )
    with range_error(
        "generative_set",
        "children",
        lambda: _reached(keys, flat),
        "drop the outermost parents or shift the set",
    ):
        return torch.ops.completion.generative_set(keys, flat)


def _reached(keys: Tensor, offsets: list[int]) -> list[int]:
    """Lowest and highest coordinate of the children on each axis."""
    coords = decode(keys)[:, 1:]
    low, high = coords.amin(dim=0).tolist(), coords.amax(dim=0).tolist()
    axes = [offsets[axis::3] for axis in range(3)]
    return [c + f(axis) for f, end in ((min, low), (max, high)) for c, axis in zip(end, axes, strict=True)]


@torch.library.register_fake("completion::generative_set")
def _fake(keys: Tensor, offsets: Sequence[int]) -> Tensor:
    return keys.new_empty(torch.library.get_ctx().new_dynamic_size())
