"""Keys of the children that fill the cells of their parents."""

import torch
from torch import Tensor


def child_keys(keys: Tensor, num_children: int, step: int) -> Tensor:
    """Keys int64 [N · K] `keys[n] + k · step`, parent by parent.

    Args:
        keys: int64 [N].
        num_children: K.
        step: from child to child.
    """
    return (keys[:, None] + step * torch.arange(num_children, device=keys.device)).reshape(-1)
