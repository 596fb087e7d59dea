"""Modules that act on each voxel's features alone: activations, linear layers, dropout."""

from torch import nn

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


class LeakyReLU(Pointwise):
    """x, or slope · x below zero."""

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__(nn.LeakyReLU(slope))


class PReLU(Pointwise):
    """x, or a learned slope times x below zero; one slope, or one per channel."""

    def __init__(self, num_slopes: int = 1, slope: float = 0.25) -> None:
        super().__init__(nn.PReLU(num_slopes, slope))


class ELU(Pointwise):
    """x, or alpha (exp(x) - 1) below zero."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(nn.ELU(alpha))


class GELU(Pointwise):
    """x Φ(x), Φ the normal distribution function."""

    def __init__(self) -> None:
        super().__init__(nn.GELU())


class SiLU(Pointwise):
    """x sigmoid(x)."""

    def __init__(self) -> None:
        super().__init__(nn.SiLU())


class Sigmoid(Pointwise):
    """1 / (1 + exp(-x))."""

    def __init__(self) -> None:
        super().__init__(nn.Sigmoid())


class Tanh(Pointwise):
    """tanh(x)."""

    def __init__(self) -> None:
        super().__init__(nn.Tanh())


class Softplus(Pointwise):
    """log(1 + exp(x))."""

    def __init__(self) -> None:
        super().__init__(nn.Softplus())


class Dropout(Pointwise):
    """Zeroes single features with this probability in training and scales up the rest."""

    def __init__(self, probability: float = 0.5) -> None:
        super().__init__(nn.Dropout(probability))


class Linear(Pointwise):
    """The same affine map at every voxel."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(nn.Linear(in_channels, out_channels, bias))
