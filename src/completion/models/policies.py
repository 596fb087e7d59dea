"""Prune policies: which candidate rows stay while training, chosen in the config; evaluation runs free.

A policy is called with `Candidates` and returns bool[N]; the guards of the prune layer come after it.
"""

import math

import torch
from torch import Tensor

from completion.nn.prune import Candidates, predicted_only


class PredictedOnly:
    """Keeps what was predicted: training sees exactly what evaluation sees."""

    def __call__(self, candidates: Candidates) -> Tensor:
        """bool[N]: the predicted rows."""
        return predicted_only(candidates)


class TruthOnly:
    """Keeps the true rows: teacher forcing; a bad classifier cannot make rows explode."""

    def __call__(self, candidates: Candidates) -> Tensor:
        """bool[N]: the rows in the ground truth."""
        return candidates.target


class UnionWithTruth:
    """Keeps predicted and true rows: nothing true is lost and mistakes are seen."""

    def __call__(self, candidates: Candidates) -> Tensor:
        """bool[N]: rows predicted or in the ground truth."""
        return candidates.predicted | candidates.target


class ScheduledTruth:
    """Union with truth for a share of the items that falls over training; the other items run free.

    The share is 1 until `start` of training has passed and falls to `last_share` at `end`, on a half cosine.
    The first items of the batch get the truth; batches are shuffled, so nothing is drawn at random here.

    Args:
        start: share of training after which the fall begins.
        end: share of training at which it ends.
        last_share: share of the items that see the truth from `end` on.
    """

    def __init__(self, start: float = 0.2, end: float = 0.8, last_share: float = 0.0) -> None:
        if not (0 <= start < end <= 1 and 0 <= last_share <= 1):
            raise ValueError(
                "ScheduledTruth: start, end and last_share must fulfil 0 ≤ start < end ≤ 1 and "
                f"0 ≤ last_share ≤ 1, got {start}, {end}, {last_share}"
            )
        self.start = start
        self.end = end
        self.last_share = last_share
        self.progress = 0.0

    def set_progress(self, progress: float) -> None:
        """Tells the policy how much of training is done, 0…1."""
        self.progress = progress

    def share(self) -> float:
        """Share of the items that see the truth now."""
        done = min(max((self.progress - self.start) / (self.end - self.start), 0.0), 1.0)
        return self.last_share + (1 - self.last_share) * (1 + math.cos(math.pi * done)) / 2

    def __call__(self, candidates: Candidates) -> Tensor:
        """bool[N]: predicted rows, and the true ones of the items that see the truth."""
        with_truth = candidates.batch < round(self.share() * candidates.batch_size)
        return candidates.predicted | torch.logical_and(candidates.target, with_truth)
