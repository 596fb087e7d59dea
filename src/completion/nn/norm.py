"""Normalisation: over all voxels of the batch, over the voxels of each item, over the channels of a voxel."""

from collections.abc import Callable
from typing import cast

import torch
from torch import nn

from completion.nn import functional as F
from completion.nn.functional.checks import check_eps, check_groups, check_input, check_probability
from completion.nn.functional.norm import batch_norm
from completion.nn.pointwise import ELU, Pointwise, ReLU, SiLU, make_activation
from completion.nn.stand_in import is_as_made
from completion.ops import layer_norm
from completion.ops.checks import check_count, check_type
from completion.sparse import SparseTensor


class BatchNorm(nn.Module):
    """Batch normalisation per channel over all voxels of the batch, and an activation after it.

    With fewer than two voxels there are no statistics to take: the running ones are used and left alone,
    so that an emptied level trains on instead of failing or turning to NaN.

    ReLU, ELU with alpha 1 and SiLU are one operator with the norm: faster than a layer of their own, and the
    backward pass needs nothing of what is between the two. Others follow as they are, and so do these while
    they have hooks or a forward of somebody's own.

    Under DistributedDataParallel, `synchronise_batch_norm` makes it count the voxels of all processes, on any
    device and also where some process has none; so does `torch.nn.SyncBatchNorm.convert_sync_batchnorm`
    (Lightning: `sync_batchnorm=True`), which torch allows on a GPU only.

    Args:
        num_channels: C.
        eps: added to the variance.
        momentum: share of a batch in the running statistics; None: all batches count alike.
        activation: made without arguments; none by default.

    Attributes:
        norm: torch's module of the parameters, running statistics and settings; it is never called, nor are
            its hooks. Without running statistics (`track_running_stats`) the batch's serve evaluation too.
        synchronised: whether training takes the statistics of all processes.
    """

    def __init__(
        self,
        num_channels: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        activation: Callable[[], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        check_count("BatchNorm", "num_channels", num_channels, least=1)
        check_eps("BatchNorm", eps)
        if momentum is not None:
            check_probability("BatchNorm", "momentum", momentum)
        self.norm = nn.BatchNorm1d(num_channels, eps, momentum)
        self.activation = None if activation is None else make_activation("BatchNorm", activation)
        self.synchronised = False

    def forward(self, x: SparseTensor) -> SparseTensor:
        check_input("BatchNorm", x, self.norm.num_features, self.norm.weight, half=True)
        together = self.synchronised or isinstance(self.norm, nn.SyncBatchNorm)
        together = together and torch.distributed.is_initialized()
        joined = _joined_activation(self.activation)
        out = x.replace(batch_norm(x.features, self.norm, together, joined))
        return out if self.activation is None or joined != "none" else self.activation(out)


def _joined_activation(activation: nn.Module | None) -> str:
    """Name of the activation in the operator, "none" where it has no such one or somebody watches it."""
    if activation is None or type(activation) not in (ReLU, ELU, SiLU):
        return "none"
    inner = cast(nn.Module, activation.module)  # which somebody may have replaced
    if type(inner) is nn.ELU and inner.alpha != 1:
        return "none"
    as_made = is_as_made(activation, type(activation)) and is_as_made(inner, type(inner))
    return _JOINED.get(type(inner), "none") if as_made else "none"


_JOINED: dict[type, str] = {nn.ReLU: "relu", nn.ELU: "elu", nn.SiLU: "silu"}


def synchronise_batch_norm(module: nn.Module) -> nn.Module:
    """The module itself, its BatchNorm layers synchronised among the processes of a training."""
    check_type("synchronise_batch_norm", "module", module, nn.Module, "pass the network")
    for part in module.modules():
        if isinstance(part, BatchNorm):
            part.synchronised = True
    return module


class GroupNorm(nn.Module):
    """Group normalisation of each batch item: over its voxels and the channels of a group (Wu and He 2018).

    The same in training and evaluation; an item of one voxel and one channel per group becomes the bias.

    Args:
        num_groups: divides num_channels; 1 normalises a whole item at once.
        num_channels: C.
        eps: added to the variance.
        affine: whether to learn a scale and an offset per channel.
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        check_count(type(self).__name__, "num_channels", num_channels, least=1)
        check_groups(type(self).__name__, num_groups, num_channels)
        check_eps(type(self).__name__, eps)
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = nn.Parameter(torch.ones(num_channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_channels)) if affine else None

    def forward(self, x: SparseTensor) -> SparseTensor:
        check_input(type(self).__name__, x, self.num_channels, None, half=True)
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.weight is not None}"


class InstanceNorm(GroupNorm):
    """Normalisation of each batch item and channel over the item's voxels; arguments as `GroupNorm`."""

    def __init__(self, num_channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__(num_channels, num_channels, eps, affine)


class LayerNorm(Pointwise):
    """Normalisation of each voxel over its channels; `GroupNorm` with one group is that of a whole item."""

    module: nn.LayerNorm

    def __init__(self, num_channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        check_count("LayerNorm", "num_channels", num_channels, least=1)
        check_eps("LayerNorm", eps)
        super().__init__(nn.LayerNorm(num_channels, eps, elementwise_affine=affine))

    def forward(self, x: SparseTensor) -> SparseTensor:
        norm = self.module
        if not is_as_made(norm, nn.LayerNorm):
            return super().forward(x)
        check_input("LayerNorm", x, norm.normalized_shape[0], norm.weight, half=True)
        weight, bias = norm.weight, norm.bias
        if weight is None:
            weight = x.features.new_ones(x.num_channels)
            bias = torch.zeros_like(weight)
        return x.replace(layer_norm(x.features, weight, bias, norm.eps))
