"""union_set: merge of two canonical sets."""

import torch
from torch import Tensor

from completion.ops.checks import check_keys, check_values


def union_set(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Canonical union of two sets, and where their rows went.

    Args:
        a: [Na] int64 canonical.
        b: [Nb] int64 canonical.

    Returns:
        keys [M] int64 canonical; rows_a [Na] and rows_b [Nb] int32, the row of each member in the union.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device.

    Syncs: once on CUDA, to read M. Deterministic.
    """
    check_keys("union_set", "a", a)
    check_keys("union_set", "b", b, like=a)
    check_values("union_set", "a", a)
    return torch.ops.completion.union_set(a, b)


@torch.library.register_fake("completion::union_set")
def _fake(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    members = torch.library.get_ctx().new_dynamic_size()
    rows_a, rows_b = (keys.new_empty(keys.shape[0], dtype=torch.int32) for keys in (a, b))
    return a.new_empty(members), rows_a, rows_b
