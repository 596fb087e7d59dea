"""child_keys: the set that a generative layer makes where the children of each parent fill its cell."""

from numbers import Integral

import torch
from torch import Tensor

from completion.ops.checks import check_keys

CELLS = 2**48  # finest voxels of one batch item


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
        TypeError, ValueError: wrong dtype or shape, no powers of two, a cell larger than the range of
            coordinates, or N · K ≥ 2³¹.

    Syncs: never. Deterministic.
    """
    check_keys("child_keys", "keys", keys)
    num_children, step = _power("num_children", num_children), _power("step", step)
    if num_children * step > CELLS:
        raise ValueError(
            f"child_keys: step must be at most 2^48 / K = {CELLS // num_children}, got {step}; "
            "a cell cannot be larger than the range of coordinates"
        )
    if keys.shape[0] * num_children >= 2**31:
        raise ValueError(
            f"child_keys: keys must be fewer than 2^31 / K = {2**31 // num_children}, got {keys.shape[0]}; "
            "split the batch"
        )
    return torch.ops.completion.child_keys(keys, num_children, step)


def _power(name: str, value: int) -> int:
    """The value as an int, which must be a power of two."""
    whole = type(value) is int or (isinstance(value, Integral) and not isinstance(value, bool))
    if not whole or value <= 0 or value & (value - 1):
        raise ValueError(
            f"child_keys: {name} must be a power of two, got {value!r}; generative_set takes other kernels"
        )
    return int(value)


@torch.library.register_fake("completion::child_keys")
def _fake(keys: Tensor, num_children: int, step: int) -> Tensor:
    return keys.new_empty(keys.shape[0] * num_children)
