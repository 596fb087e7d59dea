"""KernelMap: which source row lies under each kernel offset of each target row; cached by identity.

The convolution relation of the whole package, with T = table:

    y[m] = sum over k with T[m, k] >= 0 of  x[T[m, k]] @ W[k],   T[m, k] = row of target[m] + off[k] in source
"""

from collections.abc import Callable
from copy import copy
from functools import partial

import torch
from torch import Tensor

from completion import ops
from completion.ops.checks import check_type
from completion.ops.kernel_pairs import MOST_OFFSETS, MOST_TARGETS
from completion.sparse.checks import check_set
from completion.sparse.coord_map import CoordMap
from completion.sparse.derive import eager
from completion.sparse.kernel_offsets import (
    Axes,
    Phase,
    Region,
    cell_axes,
    kernel_axes,
    mirrored_order,
    offsets_on,
    slots_on,
)
from completion.sparse.strides import Size, factor_between, triple

LARGEST_ORDERED = 64  # offsets; an order looks at no more
Pairs = tuple[Tensor, Tensor, Tensor]  # as kernel_pairs gives them: with their order and slots


class KernelMap:
    """The pairs of two sets: a table of neighbours and its reverse, each made when first asked for.

    Attributes:
        num_source: number of source rows N.
        num_target: number of target rows M.
        symmetric: whether the reverse is the table with its offsets in the opposite order.
    """

    def __init__(
        self,
        make_table: Callable[[], Tensor],
        num_source: int,
        num_target: int,
        is_cuda: bool,
        mirror: tuple[int, ...] | None = None,
        full: bool = False,
        make_pairs: Callable[[], Pairs] | None = None,
    ) -> None:
        """Makes nothing yet.

        Args:
            make_table: gives the table, int32 [M, K].
            num_source: N.
            num_target: M.
            is_cuda: whether it gives it on a GPU.
            mirror: the opposite of each offset when source and target are one set.
            full: each target row is known to have all offsets.
            make_pairs: gives what serves CUDA in place of the reverse and its order, see `ops.kernel_pairs`;
                None where that would not be less.
        """
        self.num_source, self.num_target = num_source, num_target
        self._make_table, self._is_cuda = make_table, is_cuda
        self._mirror, self._full = mirror, full
        self.symmetric = mirror is not None and mirror == tuple(reversed(range(len(mirror))))
        self._sides: list[Tensor | None] = [None, None]  # shared by both directions, as are the orders
        self._orders: list[Tensor | None] = [None, None]
        self._make_pairs = make_pairs
        self._pairs: list[Pairs] = []  # of the reverse, once made
        self._table_side = 0

    @property
    def table(self) -> Tensor:
        """int32 [M, K]: the source row under offset k of each target row, -1 for none."""
        return self._side(self._table_side)

    @property
    def reverse(self) -> Tensor:
        """int32 [N, K]: the target row that has this source row under offset k, -1 for none."""
        return self._side(1 - self._table_side)

    def _side(self, side: int) -> Tensor:
        """The table that the map was made for, 0, or its reverse."""
        made = self._sides[side]
        return self._keep_side(side) if made is None else made

    @property
    def opposite(self) -> bool:
        """Whether offset k of `sides` takes the weight of the opposite one: of a symmetric map, exchanged."""
        return self.symmetric and self._table_side == 1

    @property
    def is_cuda(self) -> bool:
        """Whether the tables are on a GPU."""
        return self._is_cuda

    @property
    def sides(self) -> tuple[Tensor | None, Tensor | Callable[[], Tensor] | None]:
        """Table and reverse as a convolution wants them.

        Of a symmetric map the one that it was made for. Else on CUDA those that `pairs` do not stand for,
        the reverse only where a backward pass may want it, of a grown set as what makes it; on the CPU both
        within one set, where the reverse costs little, else the one that the map was made for, always the
        same one whatever was asked for since, so that sums have the same bits.
        """
        if self.symmetric:
            return self._side(0), None
        backward = torch.is_grad_enabled()
        if self.is_cuda and self._make_pairs is None:
            return self.table, self.reverse if backward else None
        if self._mirror is not None:
            return self.table, self.reverse
        if self._table_side == 0:
            return self.table, None
        if self.is_cuda and not backward:
            return None, None
        if self.is_cuda and self._full:  # it needs no order: it can be made behind the product
            return None, lambda: self.reverse
        return None, self.reverse

    @property
    def pairs(self) -> tuple[Tensor | None, Tensor | None]:
        """Pairs that serve CUDA in place of table and of reverse; made when first asked for."""
        if not self._wants_pairs:
            return None, None
        made = self._reverse_pairs()[0]
        return (None, made) if self._table_side == 0 else (made, None)

    @property
    def slots(self) -> Tensor | None:
        """int32 [K], beside `pairs`: the slot of each offset."""
        return self._reverse_pairs()[2] if self._wants_pairs else None

    @property
    def _wants_pairs(self) -> bool:
        if self._make_pairs is None or not self.is_cuda:
            return False
        return self._table_side == 1 or torch.is_grad_enabled()  # the reverse: for a backward pass alone

    @property
    def orders(self) -> tuple[Tensor | None, Tensor | None]:
        """Orders of the rows of `sides` or `pairs`, made when first asked for; the CPU needs none."""
        if not self.is_cuda:
            return None, None
        (table, reverse), (pairs, reverse_pairs) = self.sides, self.pairs
        if self.symmetric:
            return self._order(0, table, None), None
        side = self._table_side
        own = self._order(side, table, pairs)
        if callable(reverse):  # a full side, which has no order
            return own, None
        return own, self._order(1 - side, reverse, reverse_pairs)

    def _reverse_pairs(self) -> Pairs:
        return self._pairs[0] if self._pairs else self._keep_pairs()

    @eager
    def _keep_pairs(self) -> Pairs:
        assert self._make_pairs is not None
        self._pairs.append(self._make_pairs())
        return self._pairs[0]

    def _order(self, side: int, rows: Tensor | None, pairs: Tensor | None) -> Tensor | None:
        """Order of a side that is there, as rows of a table or as pairs, where one helps."""
        if pairs is not None:
            return self._reverse_pairs()[1]
        order = self._orders[side]
        if order is not None:
            return order
        full = self._full and side == 0
        if rows is None or full or not 1 < rows.shape[1] <= LARGEST_ORDERED:
            return None
        return self._make_order(side, rows)

    @eager
    def _make_order(self, side: int, rows: Tensor) -> Tensor:
        # Rows that are alike from one side of a set with itself are so from the other.
        other = self._orders[1 - side] if self._mirror is not None else None
        self._orders[side] = made = ops.row_order(rows) if other is None else other
        return made

    @eager
    def _keep_side(self, side: int) -> Tensor:
        self._sides[side] = made = self._make_table() if side == 0 else self._make_reverse(self._side(0))
        return made

    def _make_reverse(self, table: Tensor) -> Tensor:
        if self._mirror is None:
            return ops.reverse_map(table, self.num_target if self._table_side == 1 else self.num_source)
        if self.symmetric:
            return table.flip(1)
        return table[:, torch.tensor(self._mirror, device=table.device)]

    @property
    def swapped(self) -> "KernelMap":
        """The same pairs with source and target exchanged: the map of the transposed convolution."""
        swapped = copy(self)
        swapped.num_source, swapped.num_target = self.num_target, self.num_source
        swapped._table_side = 1 - self._table_side
        return swapped

    @property
    def num_neighbours(self) -> Tensor:
        """int32 [M]: how many offsets of each target row meet a source row."""
        return (self.table >= 0).sum(dim=1, dtype=torch.int32)


def kernel_map(
    source: CoordMap,
    target: CoordMap,
    kernel_size: Size,
    dilation: Size = 1,
    phase: Phase = "corner",
    transposed: bool = False,
    region: Region = "cube",
) -> KernelMap:
    """Map of a convolution from source to target, or of the transposed one.

    Offsets are in units of the source's stride (`transposed`: of the target's). The transposed map is the
    exchange of the map target → source, so a strided convolution and its transpose share one table.

    Args:
        source: set that the input features lie on.
        target: set that the output features lie on.
        kernel_size: one int or three.
        dilation: one int or three.
        phase: anchoring of even sizes, see `kernel_offsets`.
        transposed: `y[p + off_k] += x[p] W_k` instead of `y[u] += x[u + off_k] W_k`.
        region: cube or cross.
    """
    _check_sets("kernel_map", source, target)
    if transposed:
        return kernel_map(target, source, kernel_size, dilation, phase, region=region).swapped
    size = triple("kernel_map", "kernel_size", kernel_size)
    spread = triple("kernel_map", "dilation", dilation)
    return _table_of(source, target, kernel_axes(size, spread, source.stride, phase, region), region)


def cell_map(source: CoordMap, target: CoordMap) -> KernelMap:
    """Map whose window is the target's floor cell: each source row lies under one offset of one target row.

    The offset index is the source's place within the cell, first axis fastest, as in `kernel_offsets`. For
    even sizes that is the map of the kernel that fills the cell, and shares its table.
    """
    _check_sets("cell_map", source, target)
    factor = factor_between("cell_map", source.stride, target.stride)
    return _table_of(source, target, cell_axes(factor, source.stride), "cube")


def _check_sets(function: str, source: CoordMap, target: CoordMap) -> None:
    check_type(function, "source", source, CoordMap, "make one with CoordMap.from_coords")
    check_set(function, "target", target, source)


def _table_of(source: CoordMap, target: CoordMap, axes: Axes, region: Region) -> KernelMap:
    """The pair's map for this kernel, made on first use and kept as long as both sets live."""
    maps = source.kernel_maps.get(target)
    found = None if maps is None else maps.get((axes, region))
    return _make_table(source, target, axes, region) if found is None else found


@eager
def _make_table(source: CoordMap, target: CoordMap, axes: Axes, region: Region) -> KernelMap:
    offsets = offsets_on(axes, region)
    mirror = mirrored_order(offsets) if source is target else None
    # A set that was made from the target by this very kernel holds all its offsets.
    factor = tuple(coarse // fine for coarse, fine in zip(target.stride, source.stride, strict=True))
    full = target.derived.get(("generated", axes, region, factor)) is source
    slots = _slots_between(source, target, offsets)
    keys = source.keys, target.keys
    make_table = partial(ops.kernel_map, *keys, list(offsets))
    make_pairs = partial(ops.kernel_pairs, *keys, offsets, slots) if slots else None
    maps = source.kernel_maps.get(target)
    if maps is None:
        maps = {}
        source.kernel_maps.put(target, maps)
    made = KernelMap(
        make_table, source.num_rows, target.num_rows, source.keys.is_cuda, mirror, full, make_pairs
    )
    return maps.setdefault((axes, region), made)


def _slots_between(source: CoordMap, target: CoordMap, offsets: tuple[int, ...]) -> tuple[int, ...]:
    """Slots of the offsets from a coarser target to its source, where they are few and fit into pairs."""
    slots = slots_on(offsets, target.stride)
    most = max(slots, default=0) + 1
    fits = len(slots) <= MOST_OFFSETS and target.num_rows <= MOST_TARGETS
    return slots if fits and 2 * most <= len(slots) else ()
