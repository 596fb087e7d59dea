"""CoordMap: an immutable set of voxels in canonical order, and the row links between related sets.

Owns keys, stride and the hierarchy's links; kernel tables are built in kernel_map.py, features elsewhere.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from completion import ops
from completion.sparse.entry import enter
from completion.sparse.kernel_offsets import Phase, Region, kernel_offsets
from completion.sparse.key_sets import Box, child_keys, children_are_consecutive, expanded_keys, inside_box
from completion.sparse.row_links import invert_rows
from completion.sparse.strides import Size, Triple, coarser, factor_between, finer, triple


@dataclass(frozen=True, eq=False, repr=False)
class CoordMap:
    """A set of voxels with identity: two sets are the same only if they are the same object.

    Rows are in canonical order (batch, then Morton). Coordinates are multiples of the stride, in finest
    voxels. The constructor trusts its arguments; `CoordMap.from_coords` is the checked way in.

    Attributes:
        keys: int64 [N], ascending and unique.
        stride: distance of neighbours per axis, in finest voxels.
        batch_size: number of batch items, empty ones included.
        num_dropped: how many sites a box removed when this set was made.
    """

    keys: Tensor
    stride: Triple
    batch_size: int
    num_dropped: int = 0
    # Keyed weakly by the other set's identity: a link or a table never keeps another level alive.
    kernel_maps: WeakKeyDictionary = field(default_factory=WeakKeyDictionary, init=False)
    _rows: WeakKeyDictionary = field(default_factory=WeakKeyDictionary, init=False)
    _parents: WeakKeyDictionary = field(default_factory=WeakKeyDictionary, init=False)
    _derived: dict[Hashable, "CoordMap"] = field(default_factory=dict, init=False)

    @staticmethod
    def from_coords(
        coords: Tensor,
        stride: Size = 1,
        batch_size: int | None = None,
        duplicates: Literal["error", "first"] = "error",
    ) -> "CoordMap":
        """Set of the given voxels.

        Args:
            coords: int32 [N, 4], columns batch, x, y, z in finest voxels, multiples of stride, any order.
            stride: of the set, one int or three.
            batch_size: number of batch items; without it the largest batch index + 1.
            duplicates: refuse repeated rows, or merge them.

        Raises:
            TypeError: coords are not int32.
            ValueError: shape, range, stride, batch size or duplicates are not as stated.
        """
        return CoordMap.from_coords_with_rows(coords, stride, batch_size, duplicates)[0]

    @staticmethod
    def from_coords_with_rows(
        coords: Tensor,
        stride: Size = 1,
        batch_size: int | None = None,
        duplicates: Literal["error", "first"] = "error",
    ) -> tuple["CoordMap", Tensor]:
        """As `from_coords`, with int32 [N]: the voxel row that each input row went to."""
        if duplicates not in ("error", "first"):
            raise ValueError(
                f'CoordMap.from_coords: duplicates must be "error" or "first", got {duplicates!r}; choose one'
            )
        entry = enter("CoordMap.from_coords", coords, stride, batch_size, merge=duplicates != "error")
        return CoordMap(entry.keys, entry.stride, entry.batch_size), entry.rows

    @cached_property
    def coords(self) -> Tensor:
        """int32 [N, 4]: batch, x, y, z in finest voxels; decoded once, on first use."""
        return ops.decode(self.keys)

    @property
    def num_rows(self) -> int:
        """Number of voxels N."""
        return self.keys.shape[0]

    @property
    def device(self) -> torch.device:
        """Where the keys live."""
        return self.keys.device

    def strided(self, stride: Size) -> "CoordMap":
        """Set of the cells `floor(c / (t * stride)) * (t * stride)`: coarser by the factor `stride`.

        Made once: the same factor gives the same object. A factor of 1 gives this set itself.
        """
        factor = triple("CoordMap.strided", "stride", stride)
        return self if factor == (1, 1, 1) else self._once(("strided", factor), lambda: self._strided(factor))

    def at_stride(self, stride: Size) -> "CoordMap":
        """This set coarsened to an absolute stride in finest voxels, a multiple of the present one."""
        wanted = triple("CoordMap.at_stride", "stride", stride)
        return self.strided(factor_between("CoordMap.at_stride", self.stride, wanted))

    def generated(
        self, kernel_size: Size, stride: Size, phase: Phase = "corner", box: Box | None = None
    ) -> "CoordMap":
        """New finer set `unique{p + off}` at stride `t / stride`, less what lies outside the box.

        No host read when kernel size equals stride and both are powers of two; else one, for the size.
        """
        size = triple("CoordMap.generated", "kernel_size", kernel_size)
        factor = triple("CoordMap.generated", "stride", stride)
        fine = finer("CoordMap.generated", self.stride, factor)
        offsets = kernel_offsets(size, (1, 1, 1), fine, phase)
        if children_are_consecutive(size, factor, fine, offsets):
            keys = child_keys(self.keys, offsets)
        else:
            keys = ops.generative_set(self.keys, list(offsets))
        made = CoordMap(keys, fine, self.batch_size)
        return made if box is None else made.boxed(box)

    def expanded(
        self,
        kernel_size: Size,
        stride: Size = 1,
        dilation: Size = 1,
        phase: Phase = "corner",
        region: Region = "cube",
    ) -> "CoordMap":
        """New set of all `u + off` that are multiples of `t * stride`."""
        size = triple("CoordMap.expanded", "kernel_size", kernel_size)
        factor = triple("CoordMap.expanded", "stride", stride)
        spread = triple("CoordMap.expanded", "dilation", dilation)
        offsets = kernel_offsets(size, spread, self.stride, phase, region)
        coarse = coarser(self.stride, factor)
        if coarse == self.stride:
            return CoordMap(ops.generative_set(self.keys, list(offsets)), coarse, self.batch_size)
        return CoordMap(expanded_keys(self.keys, offsets, coarse), coarse, self.batch_size)

    def pruned(self, mask: Tensor) -> "CoordMap":
        """Set of the rows where mask, bool [N], is true; order and stride are kept. One host read."""
        if mask.dtype != torch.bool or mask.shape != self.keys.shape:
            raise ValueError(
                f"CoordMap.pruned: mask must be bool [{self.num_rows}], got {mask.dtype} {list(mask.shape)}; "
                "give one value for each row"
            )
        return self._select(mask.nonzero()[:, 0], num_dropped=0)

    def boxed(self, box: Box) -> "CoordMap":
        """Set of the rows inside the box; `num_dropped` of it says how many were not. Itself if all are."""
        kept = self.inside(box).nonzero()[:, 0]
        num_dropped = self.num_rows - kept.shape[0]
        return self._select(kept, num_dropped) if num_dropped else self

    def inside(self, box: Box) -> Tensor:
        """bool [N]: rows within the box (lowest corner, exclusive highest corner) in finest voxels."""
        return inside_box(self.coords, box)

    def union(self, other: "CoordMap") -> "CoordMap":
        """Union of two sets of one stride; one of the two itself when it holds the other. One host read."""
        if other is self:
            return self
        if other.stride != self.stride:
            raise ValueError(
                f"CoordMap.union: other must be of stride {self.stride}, got {other.stride}; "
                "bring both sets to one stride first"
            )
        keys, rows_self, rows_other = ops.union_set(self.keys, other.keys)
        for one, two, rows in ((self, other, rows_other), (other, self, rows_self)):
            if keys.shape[0] == one.num_rows and one.batch_size >= two.batch_size:
                one._link(two, rows)
                return one
        made = CoordMap(keys, self.stride, max(self.batch_size, other.batch_size))
        made._link(self, rows_self)
        made._link(other, rows_other)
        return made

    def rows_of(self, other: "CoordMap") -> Tensor:
        """int32 [other.num_rows]: the row in this set of each row of the other, -1 where absent."""
        if other not in self._rows:
            self._link(other, ops.lookup(self.keys, other.keys))
        return self._rows[other]

    def contains(self, other: "CoordMap") -> Tensor:
        """bool [other.num_rows]: whether each row of the other set is in this one."""
        return self.rows_of(other) >= 0

    def parent_rows(self, coarse: "CoordMap") -> Tensor:
        """int32 [N]: the row of the coarse set whose cell holds each row, -1 where that cell is absent."""
        if coarse not in self._parents:
            cells, parent = ops.strided_set(self.keys, list(coarse.stride))
            self._parents[coarse] = ops.lookup(coarse.keys, cells)[parent.long()]
        return self._parents[coarse]

    def to(self, device: torch.device | str) -> "CoordMap":
        """This set on a device; the same copy each time, so that tensors which share a set still do."""
        target = torch.empty(0, device=device).device
        if target == self.device:
            return self
        return self._once(
            ("to", target),
            lambda: CoordMap(self.keys.to(target), self.stride, self.batch_size, self.num_dropped),
        )

    def _strided(self, factor: Triple) -> "CoordMap":
        stride = coarser(self.stride, factor)
        keys, parent = ops.strided_set(self.keys, list(stride))
        coarse = CoordMap(keys, stride, self.batch_size)
        self._parents[coarse] = parent
        return coarse

    def _select(self, kept: Tensor, num_dropped: int) -> "CoordMap":
        made = CoordMap(self.keys[kept], self.stride, self.batch_size, num_dropped)
        self._link(made, kept.int())
        return made

    def _link(self, other: "CoordMap", rows: Tensor) -> None:
        """Records that row i of the other set is row rows[i] of this one, and the way back."""
        self._rows[other] = rows
        other._rows[self] = invert_rows(rows, self.num_rows)

    def _once(self, name: Hashable, make: Callable[[], "CoordMap"]) -> "CoordMap":
        if name not in self._derived:
            self._derived[name] = make()
        return self._derived[name]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles and copies the set alone: links and tables belong to the identity, not to the content."""
        return CoordMap, (self.keys, self.stride, self.batch_size, self.num_dropped)

    def __repr__(self) -> str:
        return (
            f"CoordMap(num_rows={self.num_rows}, stride={self.stride}, "
            f"batch_size={self.batch_size}, device={self.device})"
        )
