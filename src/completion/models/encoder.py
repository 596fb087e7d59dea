"""Encoder: the partial scan at every stride, from the finest voxels to the coarse level."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from completion.nn import BatchNorm, Conv3d, Sequential, SiLU
from completion.sparse import SparseTensor


class ConvNorm(Sequential):
    """Convolution, batch norm and activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        activation: Callable[[], nn.Module] = SiLU,
    ) -> None:
        super().__init__(
            Conv3d(in_channels, out_channels, kernel_size, stride, bias=False),
            BatchNorm(out_channels, activation=activation),
        )


class Encoder(nn.Module):
    """Convolution k3, then per level [k2 s2, k3].

    Args:
        in_channels: of the input features.
        channels: C of each level, finest first; level l has stride 2^l.
        activation: made without arguments.
    """

    def __init__(
        self, in_channels: int, channels: Sequence[int], activation: Callable[[], nn.Module] = SiLU
    ) -> None:
        super().__init__()
        self.stem = ConvNorm(in_channels, channels[0], activation=activation)
        self.levels = nn.ModuleList(
            Sequential(
                ConvNorm(fine, coarse, kernel_size=2, stride=2, activation=activation),
                ConvNorm(coarse, coarse, activation=activation),
            )
            for fine, coarse in pairwise(channels)
        )

    def forward(self, x: SparseTensor) -> list[SparseTensor]:
        """The tensors of all levels, finest first.

        Args:
            x: float[N, in_channels], stride 1.
        """
        # Coordinates first, see CompletionModel.make_targets; the levels find them.
        x.coord_map.pyramid(len(self.levels))
        tensors = [self.stem(x)]
        for level in self.levels:
            tensors.append(level(tensors[-1]))
        return tensors
