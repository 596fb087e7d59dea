"""Pooling over windows and over whole batch items."""

from torch import Tensor

from completion import ops
from completion.nn.functional.checks import check_sparse
from completion.nn.functional.dtypes import widened
from completion.sparse import CoordMap, KernelMap, SparseTensor, cell_map, kernel_map
from completion.sparse.kernel_offsets import Phase
from completion.sparse.segments import segment_max, segment_mean, segment_sum
from completion.sparse.strides import Size, triple


def sum_pool(
    x: SparseTensor,
    kernel_size: Size = 2,
    stride: Size = 2,
    *,
    dilation: Size = 1,
    phase: Phase = "corner",
) -> SparseTensor:
    """Sum of the voxels under each window.

    Windows are those of the convolution, but undilated with kernel size = stride on every axis the window is
    the floor cell itself, for odd sizes and in both phases. The result lies on x's strided set.

    Args:
        x: features [N, C].
        kernel_size: one int or three.
        stride: of the layer, one int or three.
        dilation: one int or three, in units of x's stride.
        phase: anchoring of even kernel sizes, see `kernel_offsets`.
    """
    target, windows = _windows("sum_pool", x, kernel_size, stride, dilation, phase)
    return SparseTensor(ops.pool_sum(x.features, windows.table, windows.reverse), target)


def avg_pool(
    x: SparseTensor,
    kernel_size: Size = 2,
    stride: Size = 2,
    count_absent: bool = False,
    *,
    dilation: Size = 1,
    phase: Phase = "corner",
) -> SparseTensor:
    """Mean of the voxels under each window, as `sum_pool`; with `count_absent` the sum over K."""
    target, windows = _windows("avg_pool", x, kernel_size, stride, dilation, phase)
    total = ops.pool_sum(widened(x.features), windows.table, windows.reverse)
    count = windows.table.shape[1] if count_absent else windows.num_neighbours.clamp(min=1)[:, None]
    return SparseTensor((total / count).to(x.dtype), target)


def max_pool(
    x: SparseTensor,
    kernel_size: Size = 2,
    stride: Size = 2,
    *,
    dilation: Size = 1,
    phase: Phase = "corner",
) -> SparseTensor:
    """Largest value under each window and channel, windows as `sum_pool`; an empty window gives 0."""
    target, windows = _windows("max_pool", x, kernel_size, stride, dilation, phase)
    return SparseTensor(ops.pool_max(x.features, windows.table)[0], target)


def global_sum_pool(x: SparseTensor) -> Tensor:
    """Sum of each batch item's voxels: [B, C], zero for an empty item."""
    check_sparse("global_sum_pool", x)
    return segment_sum(x.features, x.coords[:, 0], x.batch_size, ascending=True)


def global_avg_pool(x: SparseTensor) -> Tensor:
    """Mean of each batch item's voxels: [B, C], zero for an empty item."""
    check_sparse("global_avg_pool", x)
    return segment_mean(x.features, x.coords[:, 0], x.batch_size, ascending=True)


def global_max_pool(x: SparseTensor) -> Tensor:
    """Largest value of each batch item and channel: [B, C], zero for an empty item.

    The lowest row wins a tie and gets the gradient.
    """
    check_sparse("global_max_pool", x)
    return segment_max(x.features, x.coords[:, 0], x.batch_size)


def _windows(
    function: str, x: SparseTensor, kernel_size: Size, stride: Size, dilation: Size, phase: Phase
) -> tuple[CoordMap, KernelMap]:
    check_sparse(function, x)
    size, factor = triple(function, "kernel_size", kernel_size), triple(function, "stride", stride)
    spread = triple(function, "dilation", dilation)
    target = x.coord_map.strided(factor)
    if size == factor and spread == (1, 1, 1):
        return target, cell_map(x.coord_map, target)
    return target, kernel_map(x.coord_map, target, size, spread, phase)
