"""Convolution modules: parameters and their initial values; the mathematics is in nn.functional."""

import math

import torch
from torch import nn

from completion.nn import functional as F
from completion.ops.checks import check_count
from completion.sparse import CoordMap, SparseTensor
from completion.sparse.kernel_offsets import Phase, Region, kernel_offsets
from completion.sparse.key_sets import Box
from completion.sparse.strides import Size, triple


class _Kernel(nn.Module):
    """Weight [K, Cin, Cout] and bias [Cout] of a sparse convolution, and the numbers that shape it."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        dilation: Size,
        bias: bool,
        phase: Phase,
        region: Region = "cube",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_count(name, "in_channels", in_channels, least=1)
        check_count(name, "out_channels", out_channels, least=1)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = triple(name, "kernel_size", kernel_size)
        self.stride = triple(name, "stride", stride)
        self.dilation = triple(name, "dilation", dilation)
        self.phase: Phase = phase
        self.region: Region = region
        offsets = kernel_offsets(self.kernel_size, self.dilation, (1, 1, 1), phase, region)
        self.weight = nn.Parameter(torch.empty(len(offsets) // 3, in_channels, out_channels))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    def _contributions(self) -> float:
        """How many kernel offsets reach one output voxel when every voxel is there."""
        return self.weight.shape[0]

    def reset_parameters(self) -> None:
        """Uniform in ±1 / sqrt(fan-in), as torch's own convolutions."""
        fan_in = max(1.0, self._contributions() * self.in_channels)
        bound = 1 / math.sqrt(fan_in)
        for parameter in self.parameters(recurse=False):
            nn.init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"dilation={self.dilation}, phase={self.phase}, bias={self.bias is not None}"
        )


class Conv3d(_Kernel):
    """Sparse convolution `y[u] = b + sum_k x[u + off_k] W_k`; stride 1 keeps the set, stride s coarsens it.

    Args:
        in_channels: Cin.
        out_channels: Cout.
        kernel_size: one int or three.
        stride: of the layer.
        dilation: in units of the input's stride.
        bias: whether to add one.
        phase: anchoring of even kernel sizes.
        region: cube or cross.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size = 3,
        stride: Size = 1,
        dilation: Size = 1,
        bias: bool = True,
        phase: Phase = "corner",
        region: Region = "cube",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, dilation, bias, phase, region)

    def forward(self, x: SparseTensor, target: CoordMap | None = None) -> SparseTensor:
        """Convolved x on its own, its strided, or the given set."""
        return F.conv(
            x,
            self.weight,
            self.bias,
            self.kernel_size,
            self.stride,
            self.dilation,
            self.phase,
            target,
            self.region,
        )


class _Transposed(_Kernel):
    def _contributions(self) -> float:
        # An output voxel is reached by K / (product of strides) offsets on average, not by all K.
        return self.weight.shape[0] / math.prod(self.stride)


class ConvTranspose3d(_Transposed):
    """Transposed convolution onto a recorded finer set; arguments as `Conv3d`, dilation in target strides."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size = 2,
        stride: Size = 2,
        dilation: Size = 1,
        bias: bool = True,
        phase: Phase = "corner",
        region: Region = "cube",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, dilation, bias, phase, region)

    def forward(self, x: SparseTensor, target: CoordMap) -> SparseTensor:
        """x carried to the voxels of target."""
        return F.conv_transpose(
            x,
            self.weight,
            self.bias,
            self.kernel_size,
            self.stride,
            self.dilation,
            self.phase,
            target=target,
            region=self.region,
        )


class GenerativeConvTranspose3d(_Transposed):
    """Transposed convolution that makes every voxel it reaches; arguments as `ConvTranspose3d`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size = 2,
        stride: Size = 2,
        dilation: Size = 1,
        bias: bool = True,
        phase: Phase = "corner",
        region: Region = "cube",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, dilation, bias, phase, region)

    def target(self, coord_map: CoordMap, box: Box | None = None) -> CoordMap:
        """The set that the layer makes of one, less what lies outside the box."""
        size, stride, dilation = self.kernel_size, self.stride, self.dilation
        return coord_map.generated(size, stride, self.phase, box, dilation=dilation, region=self.region)

    def forward(self, x: SparseTensor, box: Box | None = None) -> SparseTensor:
        """x carried to the set of `target`."""
        return F.generative_conv_transpose(
            x,
            self.weight,
            self.bias,
            self.kernel_size,
            self.stride,
            self.phase,
            box,
            dilation=self.dilation,
            region=self.region,
        )
