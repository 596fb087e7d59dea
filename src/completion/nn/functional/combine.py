"""Several tensors made one: sum on the union, product and concatenation on a stated set, per-item rows."""

from functools import reduce
from typing import Literal

import torch
from torch import Tensor

from completion import ops
from completion.nn.functional.checks import check_fill, check_same_device, check_sparse
from completion.nn.functional.rows import take
from completion.ops.checks import check_type
from completion.sparse import CoordMap, SparseTensor
from completion.sparse.segments import gather_rows

On = Literal["same", "intersection", "union"]


def union_add(*tensors: SparseTensor) -> SparseTensor:
    """Sum of tensors on the union of their sets; a voxel that a tensor lacks counts as zero.

    Raises:
        ValueError: no tensor, or tensors of unlike stride or channels.
    """
    _check_alike("union_add", tensors, channels=True)
    shared = _united([x.coord_map for x in tensors])
    return take(reduce(lambda a, b: _sum(a, b, shared), tensors), shared)


def _united(sets: list[CoordMap]) -> CoordMap:
    """Union of all sets, the same object as long as they and it are held, as that of two is."""
    shared = sets[0]
    for one in sets[1:]:
        before, shared = shared, shared.union(one)
        if shared is not before and not any(shared is known or before is known for known in sets):
            shared.derived["before"] = before  # which nobody else holds; by it the same union is found again
    return shared


def _sum(a: SparseTensor, b: SparseTensor, coord_map: CoordMap) -> SparseTensor:
    """Sum of two tensors on a set that has all their voxels."""
    if coord_map in (a.coord_map, b.coord_map) or a.features.dtype != b.features.dtype:
        return SparseTensor(take(a, coord_map).features + take(b, coord_map).features, coord_map)
    a_rows, a_inverse = a.coord_map.rows_of(coord_map), coord_map.rows_of(a.coord_map)
    b_rows, b_inverse = b.coord_map.rows_of(coord_map), coord_map.rows_of(b.coord_map)
    features = ops.add_rows(a.features, a_rows, a_inverse, b.features, b_rows, b_inverse)
    return SparseTensor(features, coord_map)


def multiply(*tensors: SparseTensor, on: On = "same", fill: float | None = None) -> SparseTensor:
    """Product of tensors, voxel by voxel and channel by channel.

    Args:
        tensors: of one stride and number of channels.
        on: the set of the result. "same" refuses tensors on unlike CoordMap objects, "intersection" keeps
            the voxels that all have, "union" all voxels that any has.
        fill: on the union, the factor that stands for an absent voxel (1 leaves the others alone).

    Raises:
        ValueError: no tensor, unlike stride or channels, or a union without `fill`.
    """
    aligned = _aligned("multiply", tensors, on, fill, equal_channels=True)
    return aligned[0].replace(reduce(torch.mul, [x.features for x in aligned]))


def cat(*tensors: SparseTensor, on: On = "same", fill: float | None = None) -> SparseTensor:
    """Channels of the tensors side by side; arguments and errors as `multiply`, channels may differ."""
    aligned = _aligned("cat", tensors, on, fill, equal_channels=False)
    return aligned[0].replace(torch.cat([x.features for x in aligned], dim=1))


def broadcast_add(x: SparseTensor, per_item: Tensor) -> SparseTensor:
    """Adds row b of per_item [B, C] to every voxel of batch item b."""
    rows = _spread("broadcast_add", x, per_item, equal_channels=True)
    return x.replace(x.features + rows)


def broadcast_multiply(x: SparseTensor, per_item: Tensor) -> SparseTensor:
    """Multiplies every voxel of batch item b with row b of per_item [B, C]."""
    rows = _spread("broadcast_multiply", x, per_item, equal_channels=True)
    return x.replace(x.features * rows)


def broadcast_cat(x: SparseTensor, per_item: Tensor) -> SparseTensor:
    """Puts row b of per_item [B, D] after the channels of every voxel of batch item b: [N, C + D]."""
    rows = _spread("broadcast_cat", x, per_item, equal_channels=False)
    return x.replace(torch.cat([x.features, rows], dim=1))


def _spread(function: str, x: SparseTensor, per_item: Tensor, equal_channels: bool) -> Tensor:
    """Row of per_item for each voxel: [N, C]."""
    check_sparse(function, x)
    check_type(function, "per_item", per_item, Tensor, "wrap it with torch.as_tensor")
    channels = x.num_channels if equal_channels else "C"
    fits = per_item.ndim == 2 and (not equal_channels or per_item.shape[1] == channels)
    if not fits or per_item.shape[0] != x.batch_size:
        raise ValueError(
            f"{function}: per_item must be [{x.batch_size}, {channels}], got {list(per_item.shape)}; "
            "give one row for each batch item"
        )
    check_same_device(function, "per_item", per_item, x.features)
    return gather_rows(per_item, x.coords[:, 0], ascending=True)


def _aligned(
    function: str, tensors: tuple[SparseTensor, ...], on: On, fill: float | None, equal_channels: bool
) -> list[SparseTensor]:
    """The tensors on one set."""
    _check_alike(function, tensors, equal_channels)
    if on not in ("same", "intersection", "union"):
        raise ValueError(f'{function}: on must be "same", "intersection" or "union", got {on!r}; choose one')
    if (fill is None) == (on == "union"):
        raise ValueError(
            f'{function}: fill must be given with on="union" and only there, got on={on!r}, fill={fill}; '
            "say what stands for an absent voxel"
        )
    if fill is not None:
        check_fill(function, fill)
    sets = [x.coord_map for x in tensors]
    if on == "same" and any(one is not sets[0] for one in sets):
        raise ValueError(
            f"{function}: tensors must share one CoordMap object, got different ones; "
            'say on="intersection" or on="union", or use `take` to bring them there'
        )
    shared = _united(sets) if on == "union" else reduce(CoordMap.intersection, sets)
    return [take(x, shared, fill or 0.0) for x in tensors]


def _check_alike(function: str, tensors: tuple[SparseTensor, ...], channels: bool) -> None:
    if not tensors:
        raise ValueError(f"{function}: tensors must be at least one, got none; pass the tensors to combine")
    for x in tensors:
        check_sparse(function, x, "tensors")
    first = tensors[0]
    for x in tensors[1:]:
        if x.stride != first.stride or (channels and x.num_channels != first.num_channels):
            raise ValueError(
                f"{function}: tensors must be of stride {first.stride} with {first.num_channels} channels, "
                f"got stride {x.stride} with {x.num_channels}; bring them to one level first"
            )
