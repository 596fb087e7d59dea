"""CoordMap: an immutable set of voxels in canonical order, and the row links between related sets.

Owns keys, stride and the hierarchy's links, and finds what is there; what is not there yet is made in
derive.py, kernel tables in kernel_map.py.
"""

from collections.abc import Hashable
from typing import Any, Literal
from weakref import ref

import torch
from torch import Tensor

from completion import ops
from completion.ops.checks import check_count
from completion.sparse import derive
from completion.sparse.checks import check_mask, check_stride, known_device
from completion.sparse.entry import enter
from completion.sparse.kernel_offsets import Phase, Region, kernel_axes
from completion.sparse.key_sets import Box, box_corners
from completion.sparse.links import Links
from completion.sparse.strides import Size, Triple, coarser, factor_between, finer, triple


class CoordMap:
    """A set of voxels with identity: two sets are the same only if they are the same object.

    Rows are in canonical order (batch, then Morton). Coordinates are multiples of the stride, in finest
    voxels. The constructor trusts its arguments; `CoordMap.from_coords` is the checked way in.

    What a set has found or made, it keeps. On CUDA that was queued on the stream which asked first: use a set
    on one stream, or let the others wait for it. What is first asked for while a CUDA graph is captured is
    there when the graph has run: run the step once before.

    Attributes:
        keys: int64 [N], ascending and unique.
        stride: distance of neighbours per axis, in finest voxels.
        batch_size: number of batch items, empty ones included.
        num_dropped: how many sites a box removed when this set was made.
        kernel_maps: tables from this set to others, see kernel_map.py.
        row_maps: by other set, int32: the row in this set of each of its rows.
        parents: by coarser set, int32: the row in it of each row of this one.
        unions: by other set, the union with it.
        derived: what was made from this set alone, by how it was made; lives as long as this set.
    """

    keys: Tensor
    stride: Triple
    batch_size: int
    num_dropped: int
    kernel_maps: Links["CoordMap", dict]
    row_maps: Links["CoordMap", Tensor]
    parents: Links["CoordMap", Tensor]
    unions: Links["CoordMap", "ref[CoordMap]"]
    derived: dict[Hashable, Any]

    def __init__(self, keys: Tensor, stride: Triple, batch_size: int, num_dropped: int = 0) -> None:
        self.__dict__.update(keys=keys, stride=stride, batch_size=batch_size, num_dropped=num_dropped)
        self.__dict__.update(kernel_maps=Links(), row_maps=Links(), parents=Links(), unions=Links())
        self.__dict__.update(derived={})

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"CoordMap: {name} must stay as it is, got a new value; make a new set instead")

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

    @property
    def coords(self) -> Tensor:
        """int32 [N, 4]: batch, x, y, z in finest voxels; decoded once and shared: clone it to change it."""
        coords = self.derived.get("coords")
        return derive.decode(self) if coords is None else coords

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
        if factor == (1, 1, 1):
            return self
        coarse = self.derived.get(("strided", factor))
        return derive.strided(self, factor) if coarse is None else coarse

    def pyramid(self, num_levels: int) -> list["CoordMap"]:
        """This set, `strided(2)`, `strided(2).strided(2)` and so on, `num_levels` beyond this one.

        Made at once, with one host read for all sizes where strides are powers of two; `at_stride` then finds
        those that this set did not have before.
        """
        check_count("CoordMap.pyramid", "num_levels", num_levels)
        levels: list[CoordMap] = [self]
        while (missing := num_levels + 1 - len(levels)) > 0:
            coarse = levels[-1].derived.get(("strided", (2, 2, 2)))
            levels += derive.pyramid(self, levels[-1], missing) if coarse is None else [coarse]
        return levels

    def at_stride(self, stride: Size) -> "CoordMap":
        """This set coarsened to an absolute stride in finest voxels, a multiple of the present one."""
        wanted = triple("CoordMap.at_stride", "stride", stride)
        return self.strided(factor_between("CoordMap.at_stride", self.stride, wanted))

    def generated(
        self,
        kernel_size: Size,
        stride: Size,
        phase: Phase = "corner",
        box: Box | None = None,
        *,
        dilation: Size = 1,
        region: Region = "cube",
    ) -> "CoordMap":
        """New finer set `unique{p + off}` at stride `t / stride`, less what lies outside the box.

        Made once, as `strided`; inside a box once while somebody holds it. No host read when kernel size
        equals stride and both are powers of two; else one, for the size.
        """
        size = triple("CoordMap.generated", "kernel_size", kernel_size)
        factor = triple("CoordMap.generated", "stride", stride)
        spread = triple("CoordMap.generated", "dilation", dilation)
        fine = finer("CoordMap.generated", self.stride, factor)
        corners = None if box is None else box_corners("CoordMap.generated", box)
        axes = kernel_axes(size, spread, fine, phase, region)
        name = ("generated", axes, region, factor)
        made = self.derived.get(name)
        if corners is not None:
            last_box, made = self.derived.get(("boxed", *name), (None, None))
            made = made if last_box == corners else None
        return derive.generated(self, axes, region, factor, fine, corners) if made is None else made

    def expanded(
        self,
        kernel_size: Size,
        stride: Size = 1,
        dilation: Size = 1,
        phase: Phase = "corner",
        region: Region = "cube",
    ) -> "CoordMap":
        """Set of all `u + off` that are multiples of `t * stride`; a new object at each call."""
        size = triple("CoordMap.expanded", "kernel_size", kernel_size)
        factor = triple("CoordMap.expanded", "stride", stride)
        spread = triple("CoordMap.expanded", "dilation", dilation)
        axes = kernel_axes(size, spread, self.stride, phase, region)
        return derive.expanded(self, axes, region, coarser(self.stride, factor))

    def pruned(self, mask: Tensor, num_kept: int | None = None) -> "CoordMap":
        """Set of the rows where mask is true; order and stride are kept.

        Args:
            mask: bool [N].
            num_kept: how many are true, for a caller who has read it already; then there is no host read, and
                on CUDA no way to see that it is wrong.

        Raises:
            TypeError, ValueError: the mask does not fit, or on the CPU num_kept is another number.
        """
        check_mask("CoordMap.pruned", "mask", mask, self)
        if num_kept is not None:
            check_count("CoordMap.pruned", "num_kept", num_kept)
        return derive.selected(self, mask, num_true=num_kept)

    def boxed(self, box: Box) -> "CoordMap":
        """Set of the rows inside the box, whose `num_dropped` says how many were not; itself if all are."""
        return derive.selected(self, self.inside(box), count_dropped=True)

    def inside(self, box: Box) -> Tensor:
        """bool [N]: rows within the box (lowest corner, exclusive highest corner) in finest voxels."""
        low, high = box_corners("CoordMap.inside", box)
        return ops.inside_box(self.keys, low, high)

    def union(self, other: "CoordMap") -> "CoordMap":
        """Union of two sets of one stride; one of the two itself when it holds the other. One host read."""
        if other is self:
            return self
        check_stride("CoordMap.union", "other", other, self)
        link = self.unions.get(other)
        made = None if link is None else link()
        return derive.union(self, other) if made is None else made

    def intersection(self, other: "CoordMap") -> "CoordMap":
        """Rows of this set that are in the other one too; itself when all are. One host read."""
        check_stride("CoordMap.intersection", "other", other, self)
        return self if other is self else derive.intersection(self, other)

    def rows_of(self, other: "CoordMap") -> Tensor:
        """int32 [other.num_rows]: the row here of each row of another set of this stride, -1 where absent."""
        rows = self.row_maps.get(other)
        return derive.look_up(self, other) if rows is None else rows

    def contains(self, other: "CoordMap") -> Tensor:
        """bool [other.num_rows]: whether each row of the other set is in this one."""
        return self.rows_of(other) >= 0

    def parent_rows(self, coarse: "CoordMap") -> Tensor:
        """int32 [N]: the row of the coarse set whose cell holds each row, -1 where that cell is absent."""
        parent = self.parents.get(coarse)
        return derive.look_up_parents(self, coarse) if parent is None else parent

    def to(self, device: torch.device | str) -> "CoordMap":
        """This set on a device; the same copy each time, so that tensors which share a set still do."""
        target = known_device("CoordMap.to", device)
        if target == self.device:
            return self
        copied = self.derived.get(("to", target))
        return derive.copied(self, target) if copied is None else copied

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles and copies the set alone: links and tables belong to the identity, not to the content."""
        return CoordMap, (self.keys, self.stride, self.batch_size, self.num_dropped)

    def __repr__(self) -> str:
        return (
            f"CoordMap(num_rows={self.num_rows}, stride={self.stride}, "
            f"batch_size={self.batch_size}, device={self.device})"
        )
