"""child_keys: the set that a generative layer makes where the children of each parent fill its cell."""

import torch
from torch import Tensor

from completion.ops.checks import check_keys


def child_keys(keys: Tensor, num_children: int, step: int) -> Tensor:
    """Keys of all children, parent by parent: canonical where the parents are.

    A cube of cells whose side is a power of two has consecutive Morton codes, so a child's key is the key of
    its parent with low bits set.

    Args:
        keys: [N] int64 parents, their bits below num_children · step all 0.
        num_children: K of each parent, a power of two.
        step: from child to child, a power of two: the number of finest voxels in the cell of one.

    Returns:
        [N · K] int64: `keys[n] + k · step`.

    Raises:
        TypeError, ValueError: wrong dtype or shape, no powers of two, or N · K ≥ 2³¹.

    Syncs: never. Deterministic.
    """
    check_keys("child_keys", "keys", keys)
    _check_power("num_children", num_children)
    _check_power("step", step)
    if keys.shape[0] * num_children >= 2**31:
        raise ValueError(
            f"child_keys: keys must be fewer than 2^31 / K = {2**31 // num_children}, got {keys.shape[0]}; "
            "split the batch"
        )
    return torch.ops.completion.child_keys(keys, num_children, step)


def _check_power(name: str, value: int) -> None:
    if type(value) is not int or not 0 < value < 2**48 or value & (value - 1):
        raise ValueError(f"child_keys: {name} must be a power of two, got {value!r}; use generative_set")


@torch.library.register_fake("completion::child_keys")
def _fake(keys: Tensor, num_children: int, step: int) -> Tensor:
    return keys.new_empty(keys.shape[0] * num_children)
