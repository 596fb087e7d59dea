"""Floor 3: modules over SparseTensors, and their operations as functions in completion.nn.functional."""

from torch.nn import Sequential

from completion.nn import functional
from completion.nn.conv import Conv3d, ConvTranspose3d, GenerativeConvTranspose3d
from completion.nn.pointwise import ELU, BatchNorm, Linear, Pointwise, ReLU, SiLU
from completion.nn.pool import AvgPool3d, MaxPool3d, SumPool3d
from completion.nn.residual import ResidualBlock

__all__ = [
    "ELU",
    "AvgPool3d",
    "BatchNorm",
    "Conv3d",
    "ConvTranspose3d",
    "GenerativeConvTranspose3d",
    "Linear",
    "MaxPool3d",
    "Pointwise",
    "ReLU",
    "ResidualBlock",
    "Sequential",
    "SiLU",
    "SumPool3d",
    "functional",
]
