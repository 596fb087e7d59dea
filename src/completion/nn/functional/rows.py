"""Operations that move rows between sets and add nothing up but equal voxels: prune, take, union, targets."""

from functools import reduce

import torch
from torch import Tensor

from completion import ops
from completion.sparse import CoordMap, SparseTensor
from completion.sparse.segments import gather_rows


def prune(x: SparseTensor, mask: Tensor) -> SparseTensor:
    """Rows of x where mask, bool [N], is true, on a new set; the gradient of dropped rows is zero."""
    return take(x, x.coord_map.pruned(mask))


def take(x: SparseTensor, coord_map: CoordMap) -> SparseTensor:
    """Features of x at the voxels of another set, zero where x has none."""
    if coord_map is x.coord_map:
        return x
    rows, inverse = x.coord_map.rows_of(coord_map), coord_map.rows_of(x.coord_map)
    return SparseTensor(ops.take_rows(x.features, rows, inverse), coord_map)


def union_add(*tensors: SparseTensor) -> SparseTensor:
    """Sum of tensors on the union of their sets; a voxel that a tensor lacks counts as zero.

    Raises:
        ValueError: no tensor, or tensors of unlike stride or channels.
    """
    _check_alike("union_add", tensors)
    union = reduce(CoordMap.union, [x.coord_map for x in tensors])
    return SparseTensor(reduce(torch.add, [take(x, union).features for x in tensors]), union)


def cat(*tensors: SparseTensor) -> SparseTensor:
    """Channels side by side of tensors on one and the same set; refuses unlike sets."""
    _check_alike("cat", tensors, channels=False)
    first = tensors[0]
    if any(x.coord_map is not first.coord_map for x in tensors):
        raise ValueError(
            "cat: tensors must share one CoordMap object, got different ones; use `take` to bring them there"
        )
    return first.replace(torch.cat([x.features for x in tensors], dim=1))


def target_mask(coord_map: CoordMap, truth: CoordMap) -> Tensor:
    """bool [N]: which voxels of a set hold truth, after striding the truth to the set's stride.

    Args:
        coord_map: the N voxels asked about.
        truth: set at a stride that divides the set's; its coarser levels are made once and kept.
    """
    return truth.at_stride(coord_map.stride).contains(coord_map)


def unpool(x: SparseTensor, target: CoordMap) -> SparseTensor:
    """Feature of the cell of x that holds each voxel of a finer set, zero where x has no such cell."""
    return SparseTensor(gather_rows(x.features, target.parent_rows(x.coord_map)), target)


def broadcast_add(x: SparseTensor, per_item: Tensor) -> SparseTensor:
    """Adds row b of per_item [B, C] to every voxel of batch item b."""
    if per_item.ndim != 2 or per_item.shape[0] != x.batch_size:
        raise ValueError(
            f"broadcast_add: per_item must be [{x.batch_size}, C], got {list(per_item.shape)}; "
            "give one row for each batch item"
        )
    return x.replace(x.features + gather_rows(per_item, x.coords[:, 0]))


def _check_alike(function: str, tensors: tuple[SparseTensor, ...], channels: bool = True) -> None:
    if not tensors:
        raise ValueError(f"{function}: tensors must be at least one, got none; pass the tensors to combine")
    first = tensors[0]
    for x in tensors[1:]:
        if x.stride != first.stride or (channels and x.num_channels != first.num_channels):
            raise ValueError(
                f"{function}: tensors must be of stride {first.stride} with {first.num_channels} channels, "
                f"got stride {x.stride} with {x.num_channels}; bring them to one level first"
            )
