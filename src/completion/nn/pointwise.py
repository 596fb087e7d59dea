"""Modules that act on each voxel's features alone: activations, linear layers, normalisation over voxels."""

from torch import nn
from torch.nn import functional as dense

from completion.sparse import SparseTensor


class Pointwise(nn.Module):
    """Applies a module of features [N, C] → [N, C'] to a SparseTensor, voxel by voxel."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: SparseTensor) -> SparseTensor:
        return x.replace(self.module(x.features))


class ReLU(Pointwise):
    """max(x, 0)."""

    def __init__(self) -> None:
        super().__init__(nn.ReLU())


class ELU(Pointwise):
    """x, or alpha (exp(x) - 1) below zero."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(nn.ELU(alpha))


class SiLU(Pointwise):
    """x sigmoid(x)."""

    def __init__(self) -> None:
        super().__init__(nn.SiLU())


class Linear(Pointwise):
    """The same affine map at every voxel."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(nn.Linear(in_channels, out_channels, bias))


class BatchNorm(nn.Module):
    """Batch normalisation per channel over all voxels of the batch.

    With fewer than two voxels there are no statistics to take: the running ones are used and left alone,
    so that an emptied level trains on instead of failing or turning to NaN.
    """

    def __init__(self, num_channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(num_channels, eps, momentum)

    def forward(self, x: SparseTensor) -> SparseTensor:
        norm = self.norm
        if norm.training and x.num_rows < 2:
            return x.replace(
                dense.batch_norm(
                    x.features,
                    norm.running_mean,
                    norm.running_var,
                    norm.weight,
                    norm.bias,
                    False,
                    0.0,
                    norm.eps,
                )
            )
        return x.replace(norm(x.features))
