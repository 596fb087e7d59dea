"""coordinate_set: the entry point, which sorts any keys once into a canonical set."""

import torch
from torch import Tensor

from completion.ops.checks import check_keys, check_values


def coordinate_set(keys: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Canonical set of keys, and the maps between input rows and its voxels.

    Args:
        keys: [N] int64 in any order, duplicates allowed.

    Returns:
        keys [M] int64, ascending and unique; rows [N] int32, the voxel of each input row; first [M] int32,
        the lowest input row of each voxel.

    Raises:
        TypeError, ValueError: wrong dtype or shape.

    Syncs: once on CUDA, to read M. Deterministic.
    """
    check_keys("coordinate_set", "keys", keys)
    check_values("coordinate_set", "keys", keys)
    return torch.ops.completion.coordinate_set(keys)


@torch.library.register_fake("completion::coordinate_set")
def _fake(keys: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    voxels = torch.library.get_ctx().new_dynamic_size()
    return (
        keys.new_empty(voxels),
        keys.new_empty(keys.shape[0], dtype=torch.int32),
        keys.new_empty(voxels, dtype=torch.int32),
    )
