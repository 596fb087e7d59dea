"""Modules that bring one row per batch item to all voxels of the item; definitions in nn.functional."""

from torch import Tensor, nn

from completion.nn import functional as F
from completion.sparse import SparseTensor


class BroadcastAdd(nn.Module):
    """Adds row b of per_item [B, C] to every voxel of batch item b."""

    def forward(self, x: SparseTensor, per_item: Tensor) -> SparseTensor:
        return F.broadcast_add(x, per_item)


class BroadcastMultiply(nn.Module):
    """Multiplies every voxel of batch item b with row b of per_item [B, C]."""

    def forward(self, x: SparseTensor, per_item: Tensor) -> SparseTensor:
        return F.broadcast_multiply(x, per_item)


class BroadcastCat(nn.Module):
    """Puts row b of per_item [B, D] after the channels of every voxel of batch item b."""

    def forward(self, x: SparseTensor, per_item: Tensor) -> SparseTensor:
        return F.broadcast_cat(x, per_item)
