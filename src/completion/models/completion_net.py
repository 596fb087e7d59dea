"""CompletionNet: partial scan in, occupied voxels of the whole shape out. Read this file top to bottom.

Owns the order of encoder, dense level and decoder, and the prune settings per level; no training, no files.
"""

from collections.abc import Sequence
from typing import cast

from torch import nn

from completion.models.checks import check_batch, check_channels, check_per_level, check_policy
from completion.models.completion_model import Completion, CompletionModel
from completion.models.decoder import DecoderLevel
from completion.models.dense_level import DenseLevel
from completion.models.encoder import Encoder
from completion.models.policies import UnionWithTruth
from completion.nn.prune import Policy, Prune, predicted_only
from completion.ops.checks import check_count
from completion.sparse import CoordMap, SparseTensor

DENSE_PRIOR = 0.1
"""Share of occupied cells of the coarse grid, measured on surfaces."""
CHILD_PRIOR = 0.25
"""Below the share measured for children (almost ½) and the thresholds: an untrained net adds nothing."""


class CompletionNet(CompletionModel):
    """Encoder → full coarse grid → generative decoder that prunes at each level.

    Args:
        resolution: R; the grid is [0, R)³ and nothing outside it is ever kept.
        in_channels: features per input voxel.
        channels: C per level, finest first; the last is the coarse grid's, of R / 2^(len − 1) cells per edge.
        dense_blocks: residual blocks on the coarse grid.
        thresholds: probability above which a cell is kept, coarse to fine, one per level. Low at coarse
            levels: what is lost there cannot come back.
        row_budgets: most rows an item may keep, coarse to fine. By default 6 (R / stride)² at each stride: as
            many cells as the six faces of the grid, about twice what a surface in it has.
        min_keep: fewest cells an item keeps per level.
        policy: what is kept in training; evaluation keeps what is predicted.
    """

    def __init__(
        self,
        resolution: int,
        in_channels: int = 1,
        channels: Sequence[int] = (16, 32, 64, 128),
        dense_blocks: int = 4,
        thresholds: Sequence[float] = (0.3, 0.4, 0.4, 0.5),
        row_budgets: Sequence[int] | None = None,
        min_keep: int = 1,
        policy: Policy | None = None,
    ) -> None:
        super().__init__()
        check_channels("CompletionNet", channels, least=1)
        num_levels = len(channels)
        self.stride = 2 ** (num_levels - 1)
        check_count("CompletionNet", "dense_blocks", dense_blocks)
        check_policy("CompletionNet", policy)
        check_per_level("CompletionNet", "thresholds", thresholds, num_levels)
        if row_budgets is not None:
            check_per_level("CompletionNet", "row_budgets", row_budgets, num_levels)
        _check_resolution(resolution, self.stride)
        sizes = [resolution // 2**level for level in reversed(range(num_levels))]
        budgets = row_budgets if row_budgets is not None else [6 * size**2 for size in sizes]
        box = ((0, 0, 0), (resolution,) * 3)
        self.resolution = resolution
        self.policy: Policy = policy if policy is not None else UnionWithTruth()
        self.encoder = Encoder(in_channels, channels)
        self.dense = DenseLevel(channels[-1], resolution // self.stride, dense_blocks)
        self.hand_off = Prune(channels[-1], thresholds[0], DENSE_PRIOR, budgets[0], min_keep)
        coarse_to_fine = list(channels[::-1])
        self.decoder = nn.ModuleList(
            DecoderLevel(coarse, fine, Prune(fine, threshold, CHILD_PRIOR, budget, min_keep, box))
            for coarse, fine, threshold, budget in zip(
                coarse_to_fine[:-1], coarse_to_fine[1:], thresholds[1:], budgets[1:], strict=True
            )
        )

    def forward(
        self, partial: SparseTensor, truth: CoordMap | None = None, policy: Policy | None = None
    ) -> Completion:
        """Completes a batch; see `CompletionModel`."""
        check_batch("CompletionNet", partial, truth)
        if policy is None:
            policy = self.policy if self.training else predicted_only
        self.make_targets(truth)
        skips = self.encoder(partial)
        x, level = self.hand_off(self.dense(skips[-1]), truth, policy)
        levels = [level]
        for block, skip in zip(self.decoder, reversed(skips[:-1]), strict=True):
            x, level = block(x, skip, truth, policy)
            levels.append(level)
        return Completion(x.coord_map, level.logits_on(x.coord_map), levels)

    @property
    def prunes(self) -> list[Prune]:
        """The prune layers, coarse to fine."""
        return [self.hand_off, *(cast(DecoderLevel, block).prune for block in self.decoder)]


def _check_resolution(resolution: int, stride: int) -> None:
    check_count("CompletionNet", "resolution", resolution, least=1)
    if resolution % stride:
        raise ValueError(
            f"CompletionNet: resolution must be a multiple of 2^(levels − 1) = {stride}, got {resolution}; "
            "change resolution or the number of channels"
        )
