"""MinkowskiNet: the completion network of MinkowskiEngine's examples, layer for layer. Read it top to bottom.

All its levels are sparse: what no generated cell reaches cannot be completed. Weights of the original come in
through from_minkowski.py.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from torch import nn

from completion.models.checks import check_batch, check_channels, check_per_level, check_policy
from completion.models.completion_model import Completion, CompletionModel
from completion.models.completion_net import CHILD_PRIOR
from completion.models.decoder import joined_set
from completion.models.encoder import ConvNorm, Encoder
from completion.models.policies import UnionWithTruth
from completion.nn import ELU, BatchNorm, GenerativeConvTranspose3d, Sequential
from completion.nn.functional import union_add
from completion.nn.prune import Level, Policy, Prune, predicted_only
from completion.ops.checks import check_count
from completion.sparse import CoordMap, SparseTensor


class MinkowskiNet(CompletionModel):
    """Encoder → per level: generate, convolve, unite with the encoder, classify, prune (Gwak et al. 2020).

    Kept is what has a positive logit; in training also what is true, except at the finest level. No level has
    a minimum or a budget. Initial values are not the original's: untrained, it predicts nothing.

    Args:
        resolution: R; the input lies in [0, R)³.
        in_channels: features per input voxel.
        channels: C per level, finest first.
        thresholds: probability above which a cell is kept, coarse to fine, one less than channels. By default
            ½ each, which is a positive logit.
        bounded: never keep what lies outside [0, R)³. The original keeps it; no score sees it there.
        policy: what is kept in training, above the finest level.
    """

    def __init__(
        self,
        resolution: int,
        in_channels: int = 1,
        channels: Sequence[int] = (16, 32, 64, 128, 256, 512, 1024),
        thresholds: Sequence[float] | None = None,
        bounded: bool = True,
        policy: Policy | None = None,
    ) -> None:
        super().__init__()
        check_count("MinkowskiNet", "resolution", resolution, least=1)
        check_channels("MinkowskiNet", channels, least=2)
        check_policy("MinkowskiNet", policy)
        thresholds = [0.5] * (len(channels) - 1) if thresholds is None else thresholds
        check_per_level("MinkowskiNet", "thresholds", thresholds, len(channels) - 1)
        self.resolution = resolution
        self.stride = 2 ** (len(channels) - 2)
        self.policy = policy if policy is not None else UnionWithTruth()
        self.encoder = Encoder(in_channels, channels, ELU)
        box = ((0, 0, 0), (resolution,) * 3) if bounded else None
        self.decoder = nn.ModuleList(
            # The first kernel is wider than its stride, so the result reaches beyond the cells of the input.
            UpLevel(coarse, fine, 2 if level else 4, Prune(fine, threshold, CHILD_PRIOR, min_keep=0, box=box))
            for level, ((coarse, fine), threshold) in enumerate(
                zip(pairwise(channels[::-1]), thresholds, strict=True)
            )
        )

    def forward(
        self, partial: SparseTensor, truth: CoordMap | None = None, policy: Policy | None = None
    ) -> Completion:
        """Completes a batch; see `CompletionModel`."""
        check_batch("MinkowskiNet", partial, truth)
        coarse = policy or (self.policy if self.training else predicted_only)
        finest = policy or predicted_only
        self.make_targets(truth)
        *skips, x = self.encoder(partial)
        levels = []
        for block, skip in zip(self.decoder, reversed(skips), strict=True):
            x, level = block(x, skip, truth, finest if skip is skips[0] else coarse)
            levels.append(level)
        return Completion(x.coord_map, level.logits_on(x.coord_map), levels)

    @property
    def prunes(self) -> list[Prune]:
        """The prune layers, coarse to fine."""
        return [cast(UpLevel, block).prune for block in self.decoder]


class UpLevel(nn.Module):
    """Generative transposed convolution s2 and convolution k3, each with norm and ELU → union-add → prune.

    Args:
        in_channels: C of the coarser level.
        out_channels: C of this level, that of the encoder's tensor of the same stride.
        kernel_size: of the generative convolution.
        prune: the learnable prune layer over `out_channels`.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, prune: Prune) -> None:
        super().__init__()
        self.up = Sequential(
            Sequential(
                GenerativeConvTranspose3d(in_channels, out_channels, kernel_size, stride=2, bias=False),
                BatchNorm(out_channels, activation=ELU),
            ),
            ConvNorm(out_channels, out_channels, activation=ELU),
        )
        self.prune = prune

    def forward(
        self, x: SparseTensor, skip: SparseTensor, truth: CoordMap | None, policy: Policy
    ) -> tuple[SparseTensor, Level]:
        """The kept rows at half the stride of `x`, and the record of the decision; as `DecoderLevel`."""
        shared = joined_set(cast(Sequential, self.up[0])[0], x, skip)
        joined = union_add(self.up(x), skip)
        assert joined.coord_map is shared
        return self.prune(joined, truth, policy)
