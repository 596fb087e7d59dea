"""Sparse convolutions as functions of tensor and weight: geometry and checks; the sums are in completion.ops.

Weights are `[K, Cin, Cout]`, K in the order of `kernel_offsets`. W is never flipped: cross-correlation.
"""

from torch import Tensor

from completion import ops
from completion.nn.functional.checks import check_dtype, check_same_device, check_sparse
from completion.nn.functional.products import add_bias, dense_product
from completion.ops.checks import check_type
from completion.sparse import CoordMap, KernelMap, SparseTensor, kernel_map
from completion.sparse.checks import check_set
from completion.sparse.kernel_offsets import Phase, Region, num_offsets
from completion.sparse.strides import Size, Triple, coarser, finer, triple

ONE = (1, 1, 1)


def conv(
    x: SparseTensor,
    weight: Tensor,
    bias: Tensor | None = None,
    kernel_size: Size = 3,
    stride: Size = 1,
    dilation: Size = 1,
    phase: Phase = "corner",
    target: CoordMap | None = None,
    region: Region = "cube",
) -> SparseTensor:
    """Convolution `y[u] = bias + sum_k x[u + off_k] W_k` over the offsets where a voxel exists.

    The result lies on x's own set (stride 1, the same object), on its strided set, or on `target`.

    Args:
        x: features [N, Cin].
        weight: [K, Cin, Cout].
        bias: [Cout].
        kernel_size: one int or three.
        stride: of the layer, one int or three.
        dilation: one int or three, in units of x's stride.
        phase: anchoring of even kernel sizes, see `kernel_offsets`.
        target: set to compute on, of x's stride times `stride`; any rows.
        region: cube or cross.

    Raises:
        TypeError: features and weight differ in dtype outside autocast.
        ValueError: weight does not fit kernel and channels, or target is of another stride.
    """
    check_sparse("conv", x)
    size, factor = triple("conv", "kernel_size", kernel_size), triple("conv", "stride", stride)
    spread = triple("conv", "dilation", dilation)
    check_weight("conv", weight, x, num_offsets(size, region))
    if target is not None:
        check_set("conv", "target", target, x.coord_map)
    given = target if target is not None else x.coord_map.strided(factor)
    _check_stride("conv", given.stride, coarser(x.stride, factor))
    if size == ONE and given is x.coord_map:
        return x.replace(add_bias("conv", dense_product("conv", x.features, weight[0]), bias))
    pairs = kernel_map(x.coord_map, given, size, spread, phase, region=region)
    return SparseTensor(_convolved("conv", pairs, x.features, weight, bias, given.num_rows), given)


def conv_transpose(
    x: SparseTensor,
    weight: Tensor,
    bias: Tensor | None = None,
    kernel_size: Size = 2,
    stride: Size = 2,
    dilation: Size = 1,
    phase: Phase = "corner",
    *,
    target: CoordMap,
    region: Region = "cube",
) -> SparseTensor:
    """Transposed convolution onto a recorded finer set: `y[p + off_k] += x[p] W_k`, the adjoint of `conv`.

    Args:
        x: features [N, Cin].
        weight: [K, Cin, Cout], Cin of this layer; not the transpose of the strided layer's.
        bias: [Cout], also at voxels that nothing reaches.
        kernel_size: one int or three.
        stride: of the layer; target's stride times this is x's stride.
        dilation: one int or three, in units of target's stride.
        phase: anchoring of even kernel sizes.
        target: the set that the result lies on.
        region: cube or cross.

    Raises:
        TypeError, ValueError: as `conv`.
    """
    check_sparse("conv_transpose", x)
    check_set("conv_transpose", "target", target, x.coord_map)
    size = triple("conv_transpose", "kernel_size", kernel_size)
    factor = triple("conv_transpose", "stride", stride)
    spread = triple("conv_transpose", "dilation", dilation)
    fine = finer("conv_transpose", x.stride, factor)
    check_weight("conv_transpose", weight, x, num_offsets(size, region))
    _check_stride("conv_transpose", target.stride, fine)
    if size == ONE and target is x.coord_map:
        product = dense_product("conv_transpose", x.features, weight[0])
        return x.replace(add_bias("conv_transpose", product, bias))
    pairs = kernel_map(x.coord_map, target, size, spread, phase, transposed=True, region=region)
    out = _convolved("conv_transpose", pairs, x.features, weight, bias, target.num_rows)
    return SparseTensor(out, target)


def expanding_conv(
    x: SparseTensor,
    weight: Tensor,
    bias: Tensor | None = None,
    kernel_size: Size = 3,
    stride: Size = 1,
    dilation: Size = 1,
    phase: Phase = "corner",
    region: Region = "cube",
) -> SparseTensor:
    """Convolution onto the new set of all `u + off_k` that are multiples of the output stride.

    Each call makes a set of its own; `CoordMap.expanded` and `conv(target=…)` share one.
    """
    check_sparse("expanding_conv", x)
    target = x.coord_map.expanded(kernel_size, stride, dilation, phase, region)
    return conv(x, weight, bias, kernel_size, stride, dilation, phase, target, region)


def apply_map(pairs: KernelMap, features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Features [M, Cout] of a convolution over a map that is already there; compiles into one graph.

    Args:
        pairs: from `kernel_map`, with K offsets.
        features: [N, Cin], rows of the map's source.
        weight: [K, Cin, Cout].
        bias: [Cout].
    """
    check_type("apply_map", "pairs", pairs, KernelMap, "make one with kernel_map")
    return _convolved("apply_map", pairs, features, weight, bias, pairs.num_target)


def _convolved(
    function: str,
    pairs: KernelMap,
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    num_target: int,
) -> Tensor:
    helpers = (*pairs.orders, *pairs.pairs, pairs.slots, pairs.symmetric, pairs.opposite)
    out = ops.convolution(features, weight, *pairs.sides, num_target, *helpers)
    return add_bias(function, out, bias)


def check_weight(function: str, weight: Tensor, x: SparseTensor, num_offsets: int) -> None:
    """Checks that weight is [num_offsets, channels of x, any], where x is and of its dtype."""
    check_type(function, "weight", weight, Tensor, "wrap it with torch.as_tensor")
    if weight.ndim != 3 or weight.shape[:2] != (num_offsets, x.num_channels):
        raise ValueError(
            f"{function}: weight must be [{num_offsets}, {x.num_channels}, Cout], got {list(weight.shape)}; "
            "its first axis counts the kernel offsets, its second the channels of x"
        )
    check_same_device(function, "weight", weight, x.features)
    check_dtype(function, x, weight, half=True)


def _check_stride(function: str, actual: Triple, expected: Triple) -> None:
    if actual != expected:
        raise ValueError(
            f"{function}: target must be of stride {expected}, got {actual}; "
            "give a set whose stride fits the layer's"
        )
