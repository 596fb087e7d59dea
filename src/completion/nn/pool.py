"""Pooling modules: windows as in nn.functional.pool."""

from torch import nn

from completion.nn import functional as F
from completion.sparse import SparseTensor
from completion.sparse.strides import Size, triple


class _Pool(nn.Module):
    """Kernel size and stride of a pooling window."""

    def __init__(self, kernel_size: Size = 2, stride: Size | None = None) -> None:
        """Stride defaults to the kernel size: windows are then the floor cells."""
        super().__init__()
        name = type(self).__name__
        self.kernel_size = triple(name, "kernel_size", kernel_size)
        self.stride = self.kernel_size if stride is None else triple(name, "stride", stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}"


class MaxPool3d(_Pool):
    """Largest value under each window and channel."""

    def forward(self, x: SparseTensor) -> SparseTensor:
        return F.max_pool(x, self.kernel_size, self.stride)


class AvgPool3d(_Pool):
    """Mean of the voxels that exist under each window."""

    def forward(self, x: SparseTensor) -> SparseTensor:
        return F.avg_pool(x, self.kernel_size, self.stride)


class SumPool3d(_Pool):
    """Sum of the voxels under each window."""

    def forward(self, x: SparseTensor) -> SparseTensor:
        return F.sum_pool(x, self.kernel_size, self.stride)
