"""Residual block of two 3³ convolutions on one set."""

from collections.abc import Callable

from torch import nn

from completion.nn.conv import Conv3d
from completion.nn.norm import BatchNorm
from completion.nn.pointwise import ReLU, make_activation
from completion.sparse import SparseTensor


class ResidualBlock(nn.Module):
    """act(norm(conv(act(norm(conv(x))))) + skip(x)), after He et al. 2016; skip is 1³ where widths differ."""

    def __init__(
        self, in_channels: int, out_channels: int | None = None, activation: Callable[[], nn.Module] = ReLU
    ) -> None:
        """Widths default to equal; `activation` is made without arguments."""
        super().__init__()
        self.activation = make_activation("ResidualBlock", activation)
        learns = any(True for _ in self.activation.parameters())  # then both places share what it learns
        width = in_channels if out_channels is None else out_channels
        self.conv1 = Conv3d(in_channels, width, bias=False)
        self.norm1 = BatchNorm(width, activation=None if learns else activation)
        self.conv2, self.norm2 = Conv3d(width, width, bias=False), BatchNorm(width)
        self.skip = Conv3d(in_channels, width, kernel_size=1, bias=False) if width != in_channels else None

    def forward(self, x: SparseTensor) -> SparseTensor:
        y = self.norm1(self.conv1(x))
        y = self.activation(y) if self.norm1.activation is None else y
        y = self.norm2(self.conv2(y))
        skip = x if self.skip is None else self.skip(x)
        return self.activation(y.replace(y.features + skip.features))
