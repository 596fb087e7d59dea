"""One generative level of the decoder: children of the kept cells, joined with the encoder, pruned."""

from typing import cast

from torch import nn

from completion.models.encoder import ConvNorm
from completion.nn import BatchNorm, GenerativeConvTranspose3d, Sequential, SiLU
from completion.nn.functional import union_add
from completion.nn.prune import Level, Policy, Prune
from completion.sparse import CoordMap, SparseTensor


def joined_set(grow: nn.Module, x: SparseTensor, skip: SparseTensor) -> CoordMap:
    """The children that a generative layer makes of x, and the encoder's voxels; `union_add` finds it.

    Coordinates first, see `CompletionModel.make_targets`. Hold it: a union lives only as long as it is held.
    """
    return cast(GenerativeConvTranspose3d, grow).target(x.coord_map).union(skip.coord_map)


class DecoderLevel(nn.Module):
    """Generative transposed convolution k2 s2 → union-add with the encoder → residual convolution k3 → prune.

    Args:
        in_channels: C of the coarser level.
        out_channels: C of this level, that of the encoder's tensor of the same stride.
        prune: the learnable prune layer over `out_channels`.
    """

    def __init__(self, in_channels: int, out_channels: int, prune: Prune) -> None:
        super().__init__()
        self.up = Sequential(
            GenerativeConvTranspose3d(in_channels, out_channels, kernel_size=2, stride=2, bias=False),
            BatchNorm(out_channels, activation=SiLU),
        )
        self.mix = ConvNorm(out_channels, out_channels)
        self.prune = prune

    def forward(
        self, x: SparseTensor, skip: SparseTensor, truth: CoordMap | None, policy: Policy
    ) -> tuple[SparseTensor, Level]:
        """The kept rows at half the stride of `x`, and the record of the decision.

        Args:
            x: kept rows of the coarser level.
            skip: the encoder's tensor of the finer stride.
            truth: occupied voxels of the whole shapes, stride 1, or None.
            policy: what to keep where there is truth.
        """
        return self.prune(self.candidates(x, skip), truth, policy)

    def candidates(self, x: SparseTensor, skip: SparseTensor) -> SparseTensor:
        """The rows that the prune decides on: children of `x` and the encoder's rows, with their features."""
        shared = joined_set(self.up[0], x, skip)
        joined = union_add(self.up(x), skip)
        assert joined.coord_map is shared
        mixed = self.mix(joined)
        return mixed.replace(mixed.features + joined.features)
