"""Sets made from sets, on keys alone: generated sites, expanded sites; the corners of a box; no links."""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from completion import ops
from completion.ops.coords import COORD_MAX, COORD_MIN, check_range
from completion.sparse.checks import three_integers
from completion.sparse.kernel_offsets import Axes, Region, offsets_on
from completion.sparse.strides import Triple, is_power_of_two

Box = tuple[Sequence[int], Sequence[int]]
EVERYWHERE: Box = ((COORD_MIN,) * 3, (COORD_MAX + 1,) * 3)


def children_are_consecutive(
    axes: Axes, layer_stride: Triple, stride: Triple, region: Region = "cube"
) -> bool:
    """Whether the sites of each parent follow one another in canonical order, parent by parent.

    True when the kernel fills the parent's cell exactly and cells are cubes whose sides are powers of two:
    then a child's key is the parent's with low bits set. A cell wider than half the range may leave it.

    Args:
        axes: of the generative kernel.
        layer_stride: of the generative layer.
        stride: of the finer set, in finest voxels.
        region: cube or cross.
    """
    side, step = layer_stride[0], stride[0]
    cubic = region == "cube" and layer_stride == (side,) * 3 and stride == (step,) * 3
    powers = is_power_of_two(side) and is_power_of_two(step)
    within_range = 2 * step * side <= COORD_MAX - COORD_MIN + 1
    return cubic and powers and within_range and axes == ((0, step, side),) * 3


def child_order(size: int) -> list[int]:
    """Kernel indices of a size³ kernel in the canonical order of the children they lead to; 0…7 for 2."""
    sites = list(product(range(size), repeat=3))
    order = [0] * len(sites)
    for index, (z, y, x) in enumerate(sites):
        order[_morton(x, y, z)] = index
    return order


def _morton(x: int, y: int, z: int) -> int:
    """Morton code: bits of x, y, z interleaved, x lowest."""
    return sum(((c >> bit) & 1) << (3 * bit + axis) for axis, c in enumerate((x, y, z)) for bit in range(16))


def generated_keys(keys: Tensor, axes: Axes, region: Region, layer_stride: Triple, stride: Triple) -> Tensor:
    """Keys of `unique{p + off}`, in the shortest way; arguments as `children_are_consecutive`."""
    if children_are_consecutive(axes, layer_stride, stride, region):
        return ops.child_keys(keys, layer_stride[0] ** 3, stride[0] ** 3)
    return ops.generative_set(keys, list(offsets_on(axes, region)))


def expanded_keys(keys: Tensor, offsets: Sequence[int], stride: Triple) -> Tensor:
    """Keys of all `u + off` whose coordinates are multiples of stride; only these must lie in the range."""
    steps = torch.tensor(offsets, device=keys.device).view(-1, 3)
    sites = ops.decode(keys)[:, None] + torch.nn.functional.pad(steps, (1, 0))
    lattice = torch.tensor(stride, device=keys.device)
    sites = sites[(sites[..., 1:] % lattice == 0).all(dim=2)]
    check_range("CoordMap.expanded", sites)
    return ops.coordinate_set(ops.encode(sites.int()))[0]


def box_corners(function: str, box: Box) -> tuple[Triple, Triple]:
    """The two corners as tuples of ints; a ValueError in the function's name for anything else."""
    try:
        low, high = box
        return three_integers(function, "box", low), three_integers(function, "box", high)
    except (TypeError, ValueError):
        raise ValueError(
            f"{function}: box must be two corners of three ints, got {box!r}; give ((x, y, z), (x, y, z))"
        ) from None
