"""Tables that convolution and pooling are tested on: real neighbourhoods, and the degenerate ones."""

from collections.abc import Callable
from functools import cache

import torch
from tests.ops.voxel_sets import COORDS, canonical, cube, random_coords
from torch import Tensor

from completion.ops import reference

Tables = tuple[Tensor, Tensor]  # table [M, K] and its reverse [N, K]


def _neighbours(source: Tensor, target: Tensor, offsets: list[int]) -> Tables:
    cpu = torch.device("cpu")
    source, target = canonical(source, cpu), canonical(target, cpu)
    table = reference.kernel_map(source, target, offsets)
    return table, reference.reverse_map(table, source.numel())


def _same(name: str, size: int = 3) -> Callable[[], Tables]:
    return lambda: _neighbours(COORDS[name](), COORDS[name](), cube(size))


def _empty(num_source: int, num_target: int, offsets: int) -> Callable[[], Tables]:
    shapes = ((num_target, offsets), (num_source, offsets))
    return lambda: tuple(torch.full(shape, -1, dtype=torch.int32) for shape in shapes)


def _all_offsets(num_source: int, gaps: bool = False) -> Tables:
    """What a generative layer makes: every source has a target at every offset, but for gaps.

    Sources that follow one another meet the same targets, as do those far apart.
    """
    reverse = torch.arange(num_source)[:, None] + torch.tensor([0, 1, 2, 40, 41, 160, 161])
    if gaps:  # in a whole block of 256 sources, in a part of one, in none
        reverse[:256, 3] = -1
        reverse[300, 5] = -1
    reverse = reverse.to(torch.int32)
    return reference.reverse_map(reverse, num_source + 161), reverse


TABLES: dict[str, Callable[[], Tables]] = {
    "no rows": _empty(0, 0, 27),
    "no sources": _empty(0, 4, 27),
    "no targets": _empty(4, 0, 27),
    "no pairs": _empty(4, 3, 2),
    "one voxel": _same("one voxel"),
    "an empty batch item": _same("an empty batch item"),
    "a surface": _same("a surface"),
    "dense, k5": _same("around the origin", 5),
    "all offsets": lambda: _all_offsets(301),
    "all offsets but some": lambda: _all_offsets(800, gaps=True),
    "all offsets, many rows": lambda: _all_offsets(9000),
    "k7": lambda: _neighbours(random_coords(80, -4, 4), random_coords(70, -4, 4, seed=1), cube(7)),
    "two sets": lambda: _neighbours(random_coords(900, -6, 6), random_coords(700, -6, 6, seed=1), cube(3)),
}


@cache
def _built(name: str) -> Tables:
    return TABLES[name]()


def tables(name: str, device: torch.device) -> Tables:
    """Table and reverse of that name on the device."""
    table, reverse = _built(name)
    return table.to(device), reverse.to(device)
