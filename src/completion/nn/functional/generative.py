"""Generative transposed convolution: makes the finer set it writes to."""

import torch
from torch import Tensor

from completion.nn.functional.checks import check_sparse
from completion.nn.functional.conv import check_weight, conv_transpose
from completion.nn.functional.products import add_bias, dense_product
from completion.nn.functional.rows import take
from completion.sparse import SparseTensor
from completion.sparse.kernel_offsets import Phase, Region, kernel_axes, num_offsets
from completion.sparse.key_sets import Box, child_order, children_are_consecutive
from completion.sparse.strides import Size, finer, triple


def generative_conv_transpose(
    x: SparseTensor,
    weight: Tensor,
    bias: Tensor | None = None,
    kernel_size: Size = 2,
    stride: Size = 2,
    phase: Phase = "corner",
    box: Box | None = None,
    *,
    dilation: Size = 1,
    region: Region = "cube",
) -> SparseTensor:
    """Transposed convolution onto all sites it reaches: set `unique{p + off_k}`, `y[p + off_k] += x[p] W_k`.

    Kernel size = stride = a power of two is one dense product whose rows come out in canonical order.

    Args:
        x: features [N, Cin].
        weight: [K, Cin, Cout].
        bias: [Cout].
        kernel_size: one int or three.
        stride: of the layer; must divide x's stride.
        phase: anchoring of even kernel sizes, see `kernel_offsets`.
        box: lowest and exclusive highest corner in finest voxels; sites outside are dropped, and
            `coord_map.num_dropped` of the result counts them.
        dilation: one int or three, in units of the finer stride.
        region: cube or cross.

    Raises:
        TypeError: features and weight differ in dtype outside autocast.
        ValueError: stride does not divide, the weight does not fit, or a site leaves the coordinate range.
    """
    check_sparse("generative_conv_transpose", x)
    size = triple("generative_conv_transpose", "kernel_size", kernel_size)
    factor = triple("generative_conv_transpose", "stride", stride)
    fine = finer("generative_conv_transpose", x.stride, factor)
    spread = triple("generative_conv_transpose", "dilation", dilation)
    check_weight("generative_conv_transpose", weight, x, num_offsets(size, region))
    if not children_are_consecutive(kernel_axes(size, spread, fine, phase), factor, fine, region):
        target = x.coord_map.generated(size, factor, phase, box, dilation=spread, region=region)
        return conv_transpose(x, weight, bias, size, factor, spread, phase, target=target, region=region)
    if box is not None:
        target = x.coord_map.generated(size, factor, phase, box)
        return take(generative_conv_transpose(x, weight, bias, size, factor, phase), target)
    # The product first: nobody waits for the size of this set, so a GPU begins that much earlier.
    _check_num_children(x.num_rows, weight.shape[0])
    children = _children(x.features, _by_child(weight, size[0]), bias)
    return SparseTensor(children, x.coord_map.generated(size, factor, phase))


def _check_num_children(num_parents: int, num_children: int) -> None:
    """Checks that rows of all children can be numbered; the product of more would fill the memory first."""
    if num_parents * num_children >= 2**31:
        raise ValueError(
            f"generative_conv_transpose: x must have fewer than 2^31 / K = {2**31 // num_children} voxels, "
            f"got {num_parents}; split the batch"
        )


def _by_child(weight: Tensor, size: int) -> Tensor:
    """Weight of a size³ kernel, its offsets in the canonical order of the children that they lead to."""
    if size <= 2:  # there the first axis is fastest in both orders
        return weight
    return torch.stack([weight[k] for k in child_order(size)])


def _children(features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Rows [N·K, Cout] of all children, parent by parent in the order of the weight."""
    size, _, out_channels = weight.shape
    out = dense_product("generative_conv_transpose", features, _side_by_side(weight))
    return add_bias("generative_conv_transpose", out.view(len(out) * size, out_channels), bias)


def _side_by_side(weight: Tensor) -> Tensor:
    """[Cin, K·Cout] of a weight [K, Cin, Cout]: all offsets in one product.

    One channel is viewed, so that the gradient lies as the weight does: see products.linear.
    """
    size, in_channels, out_channels = weight.shape
    if in_channels == 1:
        return weight.reshape(1, size * out_channels)
    if out_channels == 1:
        return weight.squeeze(2).t()
    return weight.transpose(0, 1).reshape(in_channels, size * out_channels)
