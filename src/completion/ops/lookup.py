"""lookup: the row of each query in a canonical set."""

import torch
from torch import Tensor

from completion.ops.checks import check_keys


def lookup(keys: Tensor, queries: Tensor) -> Tensor:
    """Row of each query key in the set, −1 where it is absent.

    Args:
        keys: [N] int64 canonical.
        queries: [M] int64 in any order; ascending ones are found faster.

    Returns:
        [M] int32.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device.

    Syncs: never. Deterministic.
    """
    check_keys("lookup", "keys", keys)
    check_keys("lookup", "queries", queries, like=keys)
    return torch.ops.completion.lookup(keys, queries)


@torch.library.register_fake("completion::lookup")
def _fake(keys: Tensor, queries: Tensor) -> Tensor:
    return queries.new_empty(queries.shape[0], dtype=torch.int32)
