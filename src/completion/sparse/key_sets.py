"""Sets made from sets, on keys alone: generated sites, expanded sites, the inside of a box; no links."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from completion import ops
from completion.ops.coords import COORD_MAX, COORD_MIN, check_range
from completion.sparse.strides import Triple

Box = tuple[Sequence[int], Sequence[int]]


def is_power_of_two(value: int) -> bool:
    return value & (value - 1) == 0


def children_are_consecutive(
    kernel_size: Triple, layer_stride: Triple, stride: Triple, offsets: tuple
) -> bool:
    """Whether the sites of each parent follow one another in canonical order, parent by parent.

    True when the kernel fills the parent's cell exactly and cells are cubes whose sides are powers of two:
    then a child's key is the parent's with low bits set. A cell of more than half the range may reach beyond it.

    Args:
        kernel_size: of the generative kernel.
        layer_stride: of the generative layer.
        stride: of the finer set, in finest voxels.
        offsets: the kernel's, flattened; they must start at 0, never below.
    """
    cubic = len(set(layer_stride)) == 1 and len(set(stride)) == 1
    powers = is_power_of_two(layer_stride[0]) and is_power_of_two(stride[0])
    within_range = 2 * stride[0] * layer_stride[0] <= COORD_MAX - COORD_MIN + 1
    return cubic and powers and within_range and kernel_size == layer_stride and min(offsets) == 0


def child_order(offsets: tuple[int, ...]) -> list[int]:
    """Kernel indices in the canonical order of the children they lead to; 0…7 for kernel size 2."""
    bits = _child_bits(offsets)
    return sorted(range(len(bits)), key=bits.__getitem__)


def child_keys(keys: Tensor, offsets: tuple[int, ...]) -> Tensor:
    """Keys int64 [N·K] of all children, where `children_are_consecutive`; no search, no sync."""
    bits = torch.tensor(sorted(_child_bits(offsets)), device=keys.device)
    return (keys[:, None] | bits).reshape(-1)


@lru_cache(maxsize=256)
def _child_bits(offsets: tuple[int, ...]) -> list[int]:
    """Morton code of each non-negative offset: the key bits that lead from a parent to its child."""
    return [
        sum(((offsets[k + axis] >> bit) & 1) << (3 * bit + axis) for bit in range(16) for axis in range(3))
        for k in range(0, len(offsets), 3)
    ]


def expanded_keys(keys: Tensor, offsets: Sequence[int], stride: Triple) -> Tensor:
    """Keys of all `u + off` whose coordinates are multiples of stride; only these must lie in the range."""
    steps = torch.tensor(offsets, device=keys.device).view(-1, 3)
    sites = ops.decode(keys)[:, None] + torch.nn.functional.pad(steps, (1, 0))
    lattice = torch.tensor(stride, device=keys.device)
    sites = sites[(sites[..., 1:] % lattice == 0).all(dim=2)]
    check_range("CoordMap.expanded", sites)
    return ops.coordinate_set(ops.encode(sites.int()))[0]


def inside_box(coords: Tensor, box: Box) -> Tensor:
    """bool [N]: rows of coords int32 [N, 4] within (lowest corner, exclusive highest corner)."""
    low, high = ([int(value) for value in corner] for corner in box)
    if len(low) != 3 or len(high) != 3:
        raise ValueError(
            f"inside_box: box must be two corners of three ints, got {box!r}; give ((x, y, z), (x, y, z))"
        )
    columns = coords[:, 1:].unbind(dim=1)
    # By column: a reduction over rows of three is many times slower than five ands.
    within = [(c >= lowest) & (c < highest) for c, lowest, highest in zip(columns, low, high, strict=True)]
    return within[0] & within[1] & within[2]
