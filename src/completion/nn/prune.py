"""The learnable prune layer: classifier logits → target look-up → policy → guards → the rows that stay.

Owns the guards (row budget, minimum, grid box) and their counts; the loss on its logits is in models.losses.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from completion import ops
from completion.nn.functional import prune, take, target_mask
from completion.nn.functional.checks import check_input, check_sparse
from completion.nn.functional.products import linear
from completion.nn.stand_in import is_as_made
from completion.ops.checks import check_count
from completion.sparse import CoordMap, SparseTensor
from completion.sparse.checks import check_mask
from completion.sparse.derive import eager
from completion.sparse.key_sets import EVERYWHERE, Box, box_corners

Policy = Callable[["Candidates"], Tensor]


@dataclass(frozen=True)
class Candidates:
    """What a prune policy decides on, for N candidate rows.

    Attributes:
        predicted: bool[N], logit above the threshold.
        target: bool[N], the row is in the ground truth.
        coord_map: the N rows.
    """

    predicted: Tensor
    target: Tensor
    coord_map: CoordMap

    @property
    def batch(self) -> Tensor:
        """int64[N]: item of each row, ascending."""
        return items_of(self.coord_map)

    @property
    def batch_size(self) -> int:
        """Items in the batch, empty ones included."""
        return self.coord_map.batch_size


@dataclass
class Level:
    """One supervised prune: its candidates, what was kept, and how often each guard acted.

    Attributes:
        stride: in finest voxels.
        coord_map: the N candidate rows.
        logits: float[N], before the threshold.
        target: bool[N], or None without ground truth.
        kept: bool[N].
        num_dropped_by_budget: rows the policy kept and the row budget dropped.
        num_kept_by_minimum: rows kept only because their item would have had too few.
        num_outside: candidate rows outside the grid box, never kept.
        num_kept: rows kept, where the host has read it.
    """

    stride: int
    coord_map: CoordMap
    logits: Tensor
    target: Tensor | None
    kept: Tensor
    num_dropped_by_budget: int = 0
    num_kept_by_minimum: int = 0
    num_outside: int = 0
    num_kept: int | None = None

    def logits_on(self, kept: CoordMap) -> Tensor:
        """float[M]: logits of the rows of the set that was kept."""
        return take(SparseTensor(self.logits[:, None], self.coord_map), kept).features[:, 0]


def predicted_only(candidates: Candidates) -> Tensor:
    """The free-running policy: bool[N], exactly the rows predicted."""
    return candidates.predicted


class Prune(nn.Module):
    """Classifies each row, keeps the rows that a policy chooses, within hard limits.

    Safe for no rows, nothing kept, everything kept, an emptied item and an empty batch.

    Args:
        channels: C of the input.
        threshold: probability above which a row is predicted; a buffer, so calibration is saved with weights.
        prior: expected share of positive rows; the classifier's bias starts there.
        row_budget: most rows an item may keep; the highest logits stay. None for no limit.
        min_keep: fewest rows an item keeps (if it has as many inside the box whose logits are finite).
        box: (first voxel, one past the last voxel), in finest voxels; rows outside are never kept.
    """

    threshold: Tensor

    def __init__(
        self,
        channels: int,
        threshold: float = 0.5,
        prior: float = 0.5,
        row_budget: int | None = None,
        min_keep: int = 1,
        box: Box | None = None,
    ) -> None:
        super().__init__()
        check_count("Prune", "channels", channels, least=1)
        check_within("Prune", "threshold", threshold)
        check_within("Prune", "prior", prior)
        check_count("Prune", "min_keep", min_keep)
        if row_budget is not None:
            check_count("Prune", "row_budget", row_budget, least=1)
        if row_budget is not None and row_budget < min_keep:
            raise ValueError(
                f"Prune: row_budget must be ≥ min_keep = {min_keep}, got {row_budget}; raise the budget"
            )
        self.classifier = nn.Linear(channels, 1)
        # Small weights: untrained, it predicts its prior, not noise that would keep half of all rows.
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.constant_(self.classifier.bias, math.log(prior / (1 - prior)))
        self.register_buffer("threshold", torch.tensor(float(threshold)))
        self.row_budget = row_budget
        self.min_keep = min_keep
        self.box = None if box is None else box_corners("Prune", box)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """As of any module, but for the threshold's dtype: in bfloat16 .999 would be 1."""
        exact = self.threshold
        super()._apply(fn, recurse)
        if self.threshold.dtype != exact.dtype:
            self.threshold = exact.to(self.threshold.device)
        return self

    def forward(
        self, x: SparseTensor, truth: CoordMap | None = None, policy: Policy = predicted_only
    ) -> tuple[SparseTensor, Level]:
        """Returns the kept rows (canonical order, same stride) and the record of the decision.

        Args:
            x: float[N, C], the candidates.
            truth: the occupied voxels of the whole shapes, any finer or equal stride; None gives no target.
            policy: what to keep where there is a target; without one the predicted rows are kept.

        Syncs: once, for what the guards found and the number of kept rows; again where a guard acts.
        """
        check_sparse("Prune", x)
        if not callable(policy):
            raise TypeError(
                f"Prune: policy must be a function of candidates, got {type(policy).__name__}; "
                "leave it out to keep the predicted rows"
            )
        logits = self._classified(x).squeeze(1)
        target = None if truth is None else target_mask(x.coord_map, truth)
        level = self.decide(x.coord_map, logits, target, policy)
        return prune(x, level.kept, level.num_kept), level

    def _classified(self, x: SparseTensor) -> Tensor:
        """float[N, 1]."""
        classifier = self.classifier
        if not is_as_made(classifier, nn.Linear):
            return classifier(x.features)
        check_input("Prune", x, classifier.in_features, classifier.weight, half=False)
        return linear("Prune", x.features, classifier.weight, classifier.bias)

    @eager
    def decide(self, coord_map: CoordMap, logits: Tensor, target: Tensor | None, policy: Policy) -> Level:
        """Returns the level for given logits float[N]: the policy's choice within box, minimum and budget."""
        scores = logits.detach().float()
        kept = scores > torch.logit(self.threshold)  # at ½ exactly logit > 0; sigmoid would round
        if target is not None:
            kept = policy(Candidates(kept, target, coord_map))
            check_mask("Prune", "policy's result", kept, coord_map)
        kept, found = ops.boxed_mask(coord_map.keys, kept, coord_map.batch_size, *(self.box or EVERYWHERE))
        *counts, num_outside = found.tolist()  # all that the host must know
        level = Level(coord_map.stride[0], coord_map, logits, target, kept)
        level.num_outside, level.num_kept = num_outside, sum(counts)
        budget = self.row_budget if self.row_budget is not None else kept.numel()
        if any(not self.min_keep <= count <= budget for count in counts):
            self._guard(level, scores, budget)
        return level

    def _guard(self, level: Level, scores: Tensor, budget: int) -> None:
        """Applies minimum and budget per item to `level.kept`."""
        kept, coord_map = level.kept, level.coord_map
        if self.box is not None:
            scores = scores.masked_fill(~coord_map.inside(self.box), -math.inf)
        rank = rank_within_items(scores, kept, items_of(coord_map), coord_map.batch_size)
        within_budget = kept & (rank < budget)
        added = ~kept & (rank < self.min_keep) & torch.isfinite(scores)
        level.num_dropped_by_budget = int((kept & ~within_budget).sum())
        level.num_kept_by_minimum = int(added.sum())
        level.kept = within_budget | added
        level.num_kept = int(level.kept.sum())


def items_of(coord_map: CoordMap) -> Tensor:
    """int64[N]: batch item of each row, ascending."""
    return coord_map.coords[:, 0].long()


def rank_within_items(scores: Tensor, first: Tensor, batch: Tensor, batch_size: int) -> Tensor:
    """int64[N]: rank of each row in its item: rows of `first` before others, then by score, then by row.

    Args:
        scores: float[N], higher is better; NaN ranks last.
        first: bool[N].
        batch: int64[N], ascending.
        batch_size: number of items.
    """
    order = torch.argsort(torch.nan_to_num(scores, nan=-math.inf), descending=True, stable=True)
    order = order[torch.argsort((2 * batch + (~first).long())[order], stable=True)]
    start = torch.searchsorted(batch, torch.arange(batch_size, device=batch.device))
    rank = torch.empty_like(batch)
    rank[order] = torch.arange(len(batch), device=batch.device) - start[batch[order]]
    return rank


def check_within(function: str, name: str, value: float) -> None:
    """Checks a probability inside 0…1.

    Raises:
        ValueError: not a number there, or one of the ends.
    """
    if not isinstance(value, (int, float)) or not 0 < value < 1:
        raise ValueError(
            f"{function}: {name} must be between 0 and 1, both excluded, got {value!r}; choose a probability"
        )
