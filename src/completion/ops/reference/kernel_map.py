"""Neighbour tables: which source row lies under each kernel offset of each target row, and the reverse."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.reference.coords import decode, encode, in_range
from completion.ops.reference.lookup import lookup


def kernel_map(source_keys: Tensor, target_keys: Tensor, offsets: Sequence[int]) -> Tensor:
    """Table of the source rows at `target + off`.

    Args:
        source_keys: int64 [N] canonical.
        target_keys: int64 [M] canonical.
        offsets: 3·K ints, x, y, z of each kernel offset in finest voxels.

    Returns:
        int32 [M, K], -1 where no source row lies (also beyond the range of a key).
    """
    coords = decode(target_keys).long()
    columns = []
    for k in range(len(offsets) // 3):
        step = torch.tensor([0, *offsets[3 * k : 3 * k + 3]], device=coords.device)
        sites = coords + step
        valid = in_range(sites)
        rows = lookup(source_keys, encode(torch.where(valid[:, None], sites, 0)))
        columns.append(torch.where(valid, rows, -1))
    if not columns:
        return torch.empty(target_keys.numel(), 0, dtype=torch.int32, device=coords.device)
    return torch.stack(columns, dim=1).int()


def reverse_map(table: Tensor, num_source: int) -> Tensor:
    """Table seen from the source: `reverse[table[m, k], k] = m`.

    Args:
        table: int32 [M, K]; every source row occurs at most once in a column.
        num_source: number of source rows N.

    Returns:
        int32 [N, K], -1 where no target row has this source row under offset k.
    """
    reverse = torch.full((num_source, table.shape[1]), -1, dtype=torch.int32, device=table.device)
    m, k = (table >= 0).nonzero(as_tuple=True)
    reverse[table[m, k].long(), k] = m.int()
    return reverse
