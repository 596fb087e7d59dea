"""union_set: merge of two canonical sets."""

import torch
from torch import Tensor

from completion.ops.checks import check_keys, check_values


def union_set(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Canonical union of two sets, and the rows of the sets in each other.

    Args:
        a: [Na] int64 canonical.
        b: [Nb] int64 canonical.

    Returns:
        keys [M] int64 canonical; rows_a [Na] and rows_b [Nb] int32, the row of each member in the union;
        inverse_a and inverse_b [M] int32, the row in a and in b of each member of the union, −1 for none.

    Raises:
        TypeError, ValueError: wrong dtype, shape or device.

    Syncs: once on CUDA, to read M. Deterministic.
    """
    check_keys("union_set", "a", a)
    check_keys("union_set", "b", b, like=a)
    check_values("union_set", "a", a)
    return torch.ops.completion.union_set(a, b)


@torch.library.register_fake("completion::union_set")
def _fake(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    members = torch.library.get_ctx().new_dynamic_size()
    sizes = a.shape[0], b.shape[0], members, members
    rows_a, rows_b, inverse_a, inverse_b = (a.new_empty(size, dtype=torch.int32) for size in sizes)
    return a.new_empty(members), rows_a, rows_b, inverse_a, inverse_b
