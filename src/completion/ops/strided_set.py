"""strided_set: the coarser set that a strided layer makes, and the parent of every row."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.checks import check_integers, check_keys, check_values
from completion.ops.coords import decode
from completion.ops.range_errors import range_error


def strided_set(keys: Tensor, stride: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Canonical set `unique(floor(x / stride) * stride)`, floor toward −∞, and the parent row of every child.

    Args:
        keys: [N] int64 canonical.
        stride: three integers ≥ 1, x, y, z in finest voxels. One power of two on all axes is a scan, any
            other sorts.

    Returns:
        keys [M] int64 canonical; parent [N] int32.

    Raises:
        TypeError, ValueError: wrong dtype, shape or stride, or a parent outside −32768…32767.

    Syncs: once on CUDA, to read M. Deterministic.
    """
    check_keys("strided_set", "keys", keys)
    check_values("strided_set", "keys", keys)
    steps = check_integers("strided_set", "stride", stride)
    if len(steps) != 3 or min(steps) < 1 or max(steps) > 65536:
        raise ValueError(
            f"strided_set: stride must be three integers in 1…65536, got {steps}; choose another stride"
        )
    with range_error(
        "strided_set",
        "parents",
        lambda: _lowest(keys, steps),
        "choose a smaller stride or shift the coordinates",
    ):
        return torch.ops.completion.strided_set(keys, steps)


def _lowest(keys: Tensor, steps: list[int]) -> list[int]:
    """Lowest coordinate of the parents on each axis; none lies above its child."""
    low = decode(keys)[:, 1:].amin(dim=0).tolist()
    return [c // step * step for c, step in zip(low, steps, strict=True)]


@torch.library.register_fake("completion::strided_set")
def _fake(keys: Tensor, stride: Sequence[int]) -> tuple[Tensor, Tensor]:
    parents = torch.library.get_ctx().new_dynamic_size()
    return keys.new_empty(parents), keys.new_empty(keys.shape[0], dtype=torch.int32)
