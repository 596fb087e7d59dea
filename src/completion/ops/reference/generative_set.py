"""Set of all sites that a generative kernel reaches."""

from collections.abc import Sequence

import torch
from torch import Tensor

from completion.ops.reference.coords import check_range, decode, encode


def generative_set(keys: Tensor, offsets: Sequence[int]) -> Tensor:
    """Canonical keys int64 [M] of `unique{p + off}`.

    Args:
        keys: int64 [N] canonical.
        offsets: 3·K ints, x, y, z of each kernel offset in finest voxels.

    Raises:
        ValueError: a site would leave the range of a key.
    """
    steps = torch.tensor(offsets, device=keys.device, dtype=torch.long).reshape(-1, 3)
    steps = torch.nn.functional.pad(steps, (1, 0))
    sites = (decode(keys).long()[:, None] + steps).reshape(-1, 4)
    check_range("generative_set", sites)
    return torch.unique(encode(sites), sorted=True)
