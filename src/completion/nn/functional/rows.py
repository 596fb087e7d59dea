"""Operations that move rows between sets: prune, take, unpool, and which rows hold the truth."""

from torch import Tensor

from completion import ops
from completion.nn.functional.checks import check_fill, check_sparse
from completion.ops.checks import check_type
from completion.sparse import CoordMap, SparseTensor
from completion.sparse.checks import check_set, check_stride
from completion.sparse.segments import gather_rows


def prune(x: SparseTensor, mask: Tensor, num_kept: int | None = None) -> SparseTensor:
    """Rows of x where mask, bool [N], is true, on a new set; the gradient of dropped rows is zero.

    Args:
        x: features [N, C].
        mask: bool [N].
        num_kept: see `CoordMap.pruned`.
    """
    check_sparse("prune", x)
    return take(x, x.coord_map.pruned(mask, num_kept))


def take(x: SparseTensor, coord_map: CoordMap, fill: float = 0.0) -> SparseTensor:
    """Features of x at the voxels of another set of its stride, `fill` where x has none.

    The gradient goes to x's rows.
    """
    check_sparse("take", x)
    check_stride("take", "coord_map", coord_map, x.coord_map)
    check_fill("take", fill)
    if coord_map is x.coord_map:
        return x
    rows, inverse = x.coord_map.rows_of(coord_map), coord_map.rows_of(x.coord_map)
    features = ops.take_rows(x.features, rows, inverse)
    if fill != 0:
        features = features.masked_fill((rows < 0)[:, None], fill)
    return SparseTensor(features, coord_map)


def target_mask(coord_map: CoordMap, truth: CoordMap) -> Tensor:
    """bool [N]: which voxels of a set hold truth, after striding the truth to the set's stride.

    Args:
        coord_map: the N voxels asked about.
        truth: set at a stride that divides the set's; its coarser levels are made once and kept.
    """
    check_type("target_mask", "coord_map", coord_map, CoordMap, "make one with CoordMap.from_coords")
    check_set("target_mask", "truth", truth, coord_map)
    return truth.at_stride(coord_map.stride).contains(coord_map)


def unpool(x: SparseTensor, target: CoordMap) -> SparseTensor:
    """Feature of the cell of x that holds each voxel of a finer set, zero where x has no such cell."""
    check_sparse("unpool", x)
    check_set("unpool", "target", target, x.coord_map)
    return SparseTensor(gather_rows(x.features, target.parent_rows(x.coord_map)), target)
