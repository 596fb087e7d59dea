"""Pooling modules, over windows and whole batch items, and unpooling; definitions in nn.functional."""

from torch import Tensor, nn

from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor
from completion.sparse.kernel_offsets import Phase, kernel_offsets
from completion.sparse.strides import Size, triple


class _Pool(nn.Module):
    """Numbers of a pooling window, as `nn.functional.sum_pool`; the stride is the kernel size by default."""

    def __init__(
        self,
        kernel_size: Size = 2,
        stride: Size | None = None,
        dilation: Size = 1,
        phase: Phase = "corner",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.kernel_size = triple(name, "kernel_size", kernel_size)
        self.stride = self.kernel_size if stride is None else triple(name, "stride", stride)
        self.dilation = triple(name, "dilation", dilation)
        self.phase: Phase = phase
        kernel_offsets(self.kernel_size, self.dilation, phase=phase)  # refuses what is not a kernel

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, dilation={self.dilation}, "
            f"phase={self.phase}"
        )


class MaxPool3d(_Pool):
    """Largest value under each window and channel."""

    def forward(self, x: SparseTensor) -> SparseTensor:
        return F.max_pool(x, self.kernel_size, self.stride, dilation=self.dilation, phase=self.phase)


class AvgPool3d(_Pool):
    """Mean of the voxels that exist under each window; with `count_absent` their sum over K.

    Other arguments as `SumPool3d`.
    """

    def __init__(
        self,
        kernel_size: Size = 2,
        stride: Size | None = None,
        dilation: Size = 1,
        phase: Phase = "corner",
        count_absent: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, dilation, phase)
        self.count_absent = count_absent

    def forward(self, x: SparseTensor) -> SparseTensor:
        return F.avg_pool(
            x, self.kernel_size, self.stride, self.count_absent, dilation=self.dilation, phase=self.phase
        )


class SumPool3d(_Pool):
    """Sum of the voxels under each window."""

    def forward(self, x: SparseTensor) -> SparseTensor:
        return F.sum_pool(x, self.kernel_size, self.stride, dilation=self.dilation, phase=self.phase)


class GlobalSumPool(nn.Module):
    """Sum of each batch item's voxels: a plain tensor [B, C], zero for an empty item."""

    def forward(self, x: SparseTensor) -> Tensor:
        return F.global_sum_pool(x)


class GlobalAvgPool(nn.Module):
    """Mean of each batch item's voxels: a plain tensor [B, C], zero for an empty item."""

    def forward(self, x: SparseTensor) -> Tensor:
        return F.global_avg_pool(x)


class GlobalMaxPool(nn.Module):
    """Largest value of each batch item and channel: a plain tensor [B, C], zero for an empty item."""

    def forward(self, x: SparseTensor) -> Tensor:
        return F.global_max_pool(x)


class Unpool(nn.Module):
    """Feature of the coarse cell that holds each voxel of a finer set, zero where x has no such cell."""

    def forward(self, x: SparseTensor, target: CoordMap) -> SparseTensor:
        return F.unpool(x, target)
