"""Makes sets and row maps from CoordMaps and records them in the hierarchy; each function once per result.

torch.compile runs these functions as they are, between its graphs. CoordMap's own methods only find what is
already there and are traced, so that a network on given coordinates is one graph.
"""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast
from weakref import WeakValueDictionary, ref

import torch
from torch import Tensor

from completion import ops
from completion.ops.pyramid import MAX_STRIDE
from completion.sparse.checks import check_set, check_stride
from completion.sparse.kernel_offsets import Axes, Region, offsets_on
from completion.sparse.key_sets import Box, expanded_keys, generated_keys
from completion.sparse.links import recording
from completion.sparse.row_links import invert_rows
from completion.sparse.strides import Triple, coarser, factor_between, is_power_of_two

if TYPE_CHECKING:
    from completion.sparse.coord_map import CoordMap

Given = ParamSpec("Given")
Made = TypeVar("Made")


def eager(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """Runs the function outside of torch.compile's graphs and of torch.inference_mode.

    What it makes is kept with the set, and a tensor of inference mode could not serve a later training.
    """

    def kept(*given: Given.args, **named: Given.kwargs) -> Made:
        with torch.inference_mode(mode=False):
            return function(*given, **named)

    between = cast(Callable[Given, Made], torch.compiler.disable(kept, reason="makes coordinates"))

    @wraps(function)
    def outside(*given: Given.args, **named: Given.kwargs) -> Made:
        if torch.compiler.is_compiling():
            return between(*given, **named)
        if torch.is_inference_mode_enabled():
            return kept(*given, **named)
        return function(*given, **named)

    return outside


@eager
def decode(one: "CoordMap") -> Tensor:
    """Coordinates of the set's keys, int32 [N, 4]."""
    return one.derived.setdefault("coords", ops.decode(one.keys))


@eager
def strided(fine: "CoordMap", factor: Triple) -> "CoordMap":
    """Set of the floor cells, coarser by the factor."""
    stride = coarser(fine.stride, factor)
    keys, parent = ops.strided_set(fine.keys, list(stride))
    coarse = type(fine)(keys, stride, fine.batch_size)
    fine.parents.put(coarse, parent)
    return fine.derived.setdefault(("strided", factor), coarse)


@eager
def pyramid(root: "CoordMap", finest: "CoordMap", num_levels: int) -> list["CoordMap"]:
    """Sets of the cells at two, four, … times the stride of a set that has none of them yet; at least one.

    The set finds them by their stride, and so does the root, of which it is a coarser one or itself.
    """
    step = finest.stride[0]
    if finest.stride != (step,) * 3 or not is_power_of_two(step) or step << num_levels > MAX_STRIDE:
        return [finest.strided(2)]
    levels, below = [], finest
    for keys, parent in ops.pyramid(finest.keys, step, num_levels):
        coarse = type(finest)(keys, coarser(below.stride, (2, 2, 2)), finest.batch_size)
        below.parents.put(coarse, parent)
        below = below.derived.setdefault(("strided", (2, 2, 2)), coarse)
        levels.append(below)
        for above in (root, finest):
            factor = factor_between("CoordMap.pyramid", above.stride, below.stride)
            above.derived.setdefault(("strided", factor), below)
    return levels


@eager
def generated(
    coarse: "CoordMap", axes: Axes, region: Region, factor: Triple, stride: Triple, box: Box | None
) -> "CoordMap":
    """Set of all sites that the kernel reaches at the finer stride, less what lies outside the box."""
    name = ("generated", axes, region, factor)
    made = coarse.derived.get(name)
    if made is None:
        keys = generated_keys(coarse.keys, axes, region, factor, stride)
        made = coarse.derived.setdefault(name, type(coarse)(keys, stride, coarse.batch_size))
    if box is None:
        return made
    # Of all boxes but the last a set stays while somebody holds it: one for each call would fill the memory.
    by_box = coarse.derived.setdefault(("by box", *name), WeakValueDictionary())
    inside = by_box.get(box)
    inside = made.boxed(box) if inside is None else inside
    with recording:
        if inside is not made:  # which is held anyway
            inside = by_box.setdefault(box, inside)
        coarse.derived["boxed", *name] = (box, inside)
    return inside


@eager
def expanded(one: "CoordMap", axes: Axes, region: Region, stride: Triple) -> "CoordMap":
    """Set of all sites that the kernel reaches and that are multiples of the stride; made anew each time."""
    offsets = offsets_on(axes, region)
    if stride == one.stride:
        keys = ops.generative_set(one.keys, list(offsets))
    else:
        keys = expanded_keys(one.keys, offsets, stride)
    return type(one)(keys, stride, one.batch_size)


@eager
def union(one: "CoordMap", other: "CoordMap") -> "CoordMap":
    """Union of two sets of one stride; one of the two itself where it holds the other."""
    keys, *rows, inverse_one, inverse_other = ops.union_set(one.keys, other.keys)
    made = type(one)(keys, one.stride, max(one.batch_size, other.batch_size))
    for member in (one, other):
        if member.num_rows == made.num_rows and member.batch_size == made.batch_size:
            made = member
    for member, places, inverse in zip((one, other), rows, (inverse_one, inverse_other), strict=True):
        link(made, member, places)
        link(member, made, inverse)
    with recording:
        earlier = one.unions.get(other)
        if earlier is not None and (quicker := earlier()) is not None:  # by another thread
            return quicker
        one.unions.put(other, ref(made))
        other.unions.put(one, ref(made))
    return made


@eager
def intersection(one: "CoordMap", other: "CoordMap") -> "CoordMap":
    """Rows of the one set that are in the other too; itself where all are."""
    batch_size = max(one.batch_size, other.batch_size)
    keys, rows, inverse = ops.selected_set(one.keys, other.contains(one))
    if keys.shape == one.keys.shape and batch_size == one.batch_size:
        return one
    return _linked(one, type(one)(keys, one.stride, batch_size), rows, inverse)


@eager
def copied(one: "CoordMap", device: torch.device) -> "CoordMap":
    """The set on a device."""
    made = type(one)(one.keys.to(device), one.stride, one.batch_size, one.num_dropped)
    return one.derived.setdefault(("to", device), made)


@eager
def selected(
    one: "CoordMap", mask: Tensor, count_dropped: bool = False, num_true: int | None = None
) -> "CoordMap":
    """Set of the rows where mask is true; itself when all are and the dropped ones are counted."""
    known = num_true if num_true is not None and num_true <= one.num_rows else None
    keys, rows, inverse = ops.selected_set(one.keys, mask, known)
    num_kept = keys.shape[0]
    if num_true not in (None, num_kept):
        raise ValueError(
            f"CoordMap.pruned: num_kept must be the number of true rows, got {num_true} for {num_kept}; "
            "leave it out to have them counted"
        )
    num_dropped = one.num_rows - num_kept
    if num_dropped == 0 and count_dropped:
        return one
    made = type(one)(keys, one.stride, one.batch_size, num_dropped if count_dropped else 0)
    return _linked(one, made, rows, inverse)


@eager
def look_up(one: "CoordMap", other: "CoordMap") -> Tensor:
    """Row in the one set of each row of the other, -1 where absent: int32 [M]."""
    check_stride("CoordMap.rows_of", "other", other, one)
    back = other.row_maps.get(one)
    rows = ops.lookup(one.keys, other.keys) if back is None else invert_rows(back, other.num_rows)
    link(one, other, rows)
    return rows


@eager
def look_up_parents(fine: "CoordMap", coarse: "CoordMap") -> Tensor:
    """Row in the coarse set of the cell of each fine row, -1 where absent: int32 [N]."""
    check_set("CoordMap.parent_rows", "coarse", coarse, fine)
    factor_between("CoordMap.parent_rows", fine.stride, coarse.stride)
    cells, parent = ops.strided_set(fine.keys, list(coarse.stride))
    rows = ops.lookup(coarse.keys, cells)[parent.long()]
    fine.parents.put(coarse, rows)
    return rows


def _linked(one: "CoordMap", subset: "CoordMap", rows: Tensor, inverse: Tensor) -> "CoordMap":
    """The subset, linked both ways with the set that it is of."""
    link(one, subset, rows)
    link(subset, one, inverse)
    return subset


def link(one: "CoordMap", other: "CoordMap", rows: Tensor) -> None:
    """Records that row i of the other set is row rows[i] of the one; the way back is made when asked for."""
    if one.row_maps.get(other) is None:
        one.row_maps.put(other, rows)
