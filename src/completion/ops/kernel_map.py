"""kernel_map and reverse_map: the source row under each offset of each target row, and the converse."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.checks import check_count, check_keys, check_offsets, check_tensor


def kernel_map(source_keys: Tensor, target_keys: Tensor, offsets: Sequence[int]) -> Tensor:
    """Table of neighbours: `table[m, k]` = source row of `target[m] + offset[k]`, −1 where there is none.

    Args:
        source_keys: [N] int64 canonical.
        target_keys: [M] int64 canonical.
        offsets: K · 3 integers x, y, z in finest voxels, K ≤ 343. A neighbour outside the range is absent.

    Returns:
        [M, K] int32.

    Raises:
        TypeError, ValueError: wrong dtype, shape, device or offsets.

    Syncs: never. Deterministic.
    """
    check_keys("kernel_map", "source_keys", source_keys)
    check_keys("kernel_map", "target_keys", target_keys, like=source_keys)
    return torch.ops.completion.kernel_map(source_keys, target_keys, check_offsets("kernel_map", offsets))


def reverse_map(table: Tensor, num_source: int) -> Tensor:
    """The same pairs seen from the source: `reverse[table[m, k], k] = m`, −1 elsewhere.

    Args:
        table: [M, K] int32 source rows or −1; no row occurs twice in a column.
        num_source: N, greater than every row in the table.

    Returns:
        [N, K] int32.

    Raises:
        TypeError, ValueError: wrong dtype or shape, or a negative count.

    Syncs: never. Deterministic.
    """
    check_tensor("reverse_map", "table", table, (torch.int32,), "M, K")
    check_count("reverse_map", "num_source", num_source)
    return torch.ops.completion.reverse_map(table, num_source)


@torch.library.register_fake("completion::kernel_map")
def _kernel_map_fake(source_keys: Tensor, target_keys: Tensor, offsets: Sequence[int]) -> Tensor:
    return target_keys.new_empty(target_keys.shape[0], len(offsets) // 3, dtype=torch.int32)


@torch.library.register_fake("completion::reverse_map")
def _reverse_map_fake(table: Tensor, num_source: int) -> Tensor:
    return table.new_empty(num_source, table.shape[1])
