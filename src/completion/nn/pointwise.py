"""Modules that act on each voxel's features alone: activations, linear layers, dropout."""

from collections.abc import Callable

from torch import nn

from completion.nn.functional.checks import check_input, check_probability, check_sparse
from completion.nn.functional.products import linear
from completion.nn.stand_in import is_as_made
from completion.ops.checks import check_count, check_number, check_type
from completion.sparse import SparseTensor


def make_activation(function: str, activation: Callable[[], nn.Module]) -> nn.Module:
    """A new activation.

    Raises:
        TypeError: it is a module already, or nothing that makes one of sparse tensors.
    """
    made = None if isinstance(activation, nn.Module) or not callable(activation) else activation()
    if not isinstance(made, nn.Module):
        raise TypeError(
            f"{function}: activation must be a class or function that makes a module, "
            f"got {activation!r}; give it as completion.nn.ReLU, without parentheses"
        )
    takes_any = (nn.Identity, nn.Sequential)
    if type(made).__module__.startswith("torch.nn.modules.") and not isinstance(made, takes_any):
        raise TypeError(
            f"{function}: activation must be a layer of sparse tensors, got torch.nn.{type(made).__name__}; "
            "take that of completion.nn, or completion.nn.Pointwise around it"
        )
    return made


class Pointwise(nn.Module):
    """Applies a module of features [N, C] → [N, C'] to a SparseTensor, voxel by voxel."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        check_type(type(self).__name__, "module", module, nn.Module, "make an object of the class")
        self.module = module

    def forward(self, x: SparseTensor) -> SparseTensor:
        check_sparse(type(self).__name__, x)
        return x.replace(self.module(x.features))


class ReLU(Pointwise):
    """max(x, 0)."""

    def __init__(self) -> None:
        super().__init__(nn.ReLU())


class LeakyReLU(Pointwise):
    """x, or slope · x below zero."""

    def __init__(self, slope: float = 0.01) -> None:
        check_number("LeakyReLU", "slope", slope)
        super().__init__(nn.LeakyReLU(slope))


class PReLU(Pointwise):
    """x, or a learned slope times x below zero; one slope, or one per channel."""

    module: nn.PReLU

    def __init__(self, num_slopes: int = 1, slope: float = 0.25) -> None:
        check_count("PReLU", "num_slopes", num_slopes, least=1)
        check_number("PReLU", "slope", slope)
        super().__init__(nn.PReLU(num_slopes, slope))

    def forward(self, x: SparseTensor) -> SparseTensor:
        slopes = self.module.weight
        if slopes.numel() > 1:
            check_input("PReLU", x, slopes.numel(), slopes, half=False)
        return super().forward(x)


class ELU(Pointwise):
    """x, or alpha (exp(x) - 1) below zero."""

    module: nn.ELU

    def __init__(self, alpha: float = 1.0) -> None:
        check_number("ELU", "alpha", alpha)
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
        check_probability("Dropout", "probability", probability)
        super().__init__(nn.Dropout(probability))


class Linear(Pointwise):
    """The same affine map at every voxel."""

    module: nn.Linear

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        check_count("Linear", "in_channels", in_channels, least=1)
        check_count("Linear", "out_channels", out_channels, least=1)
        super().__init__(nn.Linear(in_channels, out_channels, bias))

    def forward(self, x: SparseTensor) -> SparseTensor:
        if not is_as_made(self.module, nn.Linear):
            return super().forward(x)
        check_input("Linear", x, self.module.in_features, self.module.weight, half=False)
        return x.replace(linear("Linear", x.features, self.module.weight, self.module.bias))
