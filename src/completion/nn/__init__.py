"""Floor 3: modules over SparseTensors, and their operations as functions in completion.nn.functional."""

from torch.nn import Sequential

from completion.nn import functional
from completion.nn.broadcast import BroadcastAdd, BroadcastCat, BroadcastMultiply
from completion.nn.conv import Conv3d, ConvTranspose3d, GenerativeConvTranspose3d
from completion.nn.interpolate import Interpolate
from completion.nn.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, synchronise_batch_norm
from completion.nn.pointwise import (
    ELU,
    GELU,
    Dropout,
    LeakyReLU,
    Linear,
    Pointwise,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from completion.nn.pool import (
    AvgPool3d,
    GlobalAvgPool,
    GlobalMaxPool,
    GlobalSumPool,
    MaxPool3d,
    SumPool3d,
    Unpool,
)
from completion.nn.prune import Prune
from completion.nn.residual import ResidualBlock

__all__ = [
    "ELU",
    "GELU",
    "AvgPool3d",
    "BatchNorm",
    "BroadcastAdd",
    "BroadcastCat",
    "BroadcastMultiply",
    "Conv3d",
    "ConvTranspose3d",
    "Dropout",
    "GenerativeConvTranspose3d",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GlobalSumPool",
    "GroupNorm",
    "InstanceNorm",
    "Interpolate",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MaxPool3d",
    "PReLU",
    "Pointwise",
    "Prune",
    "ReLU",
    "ResidualBlock",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "SumPool3d",
    "Tanh",
    "Unpool",
    "functional",
    "synchronise_batch_norm",
]
