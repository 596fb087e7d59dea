"""Gather of feature rows with zeros for absent ones."""

import torch
from torch import Tensor


def take_rows(features: Tensor, rows: Tensor, inverse: Tensor | None = None) -> Tensor:
    """Feature row of each index, zeros where the index is -1; differentiable in features.

    Args:
        features: [N, C].
        rows: int32 [M].
        inverse: int32 [N], the way back; not needed here, part of the operator's signature.

    Returns:
        [M, C] in the dtype of features.
    """
    padded = torch.cat([features, features.new_zeros(1, features.shape[1])])
    return padded[torch.where(rows < 0, features.shape[0], rows.long())]
