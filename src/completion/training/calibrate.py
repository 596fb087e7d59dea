"""Thresholds per level from the validation split: recall first at coarse levels, best IoU at the finest."""

from collections.abc import Iterable

import torch
from torch import Tensor

from completion.data.collate import Batch
from completion.models.completion_net import CompletionNet
from completion.training.tensors import input_tensor, truth_map

NUM_BINS = 50


@torch.no_grad()
def calibrate(model: CompletionNet, batches: Iterable[Batch], coarse_recall: float = 0.99) -> list[float]:
    """Sets and returns the thresholds of `model`, coarse to fine.

    Levels are set one after the other, each running free on those set before it, as in evaluation. At all
    levels but the finest: the highest threshold that keeps `coarse_recall` of the true candidates, at most ½.
    At the finest: the threshold with the best IoU over all candidates.

    Args:
        model: left in evaluation mode.
        batches: the validation split; passed over once per level.
        coarse_recall: share of the true candidates that each coarse level must keep.
    """
    model.eval()
    thresholds = model.thresholds
    for index in range(len(thresholds)):
        true, false = probability_counts(model, batches, index)
        finest = index == len(thresholds) - 1
        thresholds[index] = best_iou(true, false) if finest else highest_with_recall(true, coarse_recall)
        model.set_thresholds(thresholds)
    return thresholds


def probability_counts(model: CompletionNet, batches: Iterable[Batch], index: int) -> tuple[Tensor, Tensor]:
    """int64[NUM_BINS] each: candidates of level `index` that are true and false, by probability."""
    device = next(model.parameters()).device
    counts = torch.zeros(2, NUM_BINS, dtype=torch.int64)
    for batch in batches:
        level = model(input_tensor(batch, device), truth_map(batch, device)).levels[index]
        bins = (torch.sigmoid(level.logits.float()) * NUM_BINS).long().clamp(0, NUM_BINS - 1)
        for row, mask in enumerate((level.target, ~level.target)):
            counts[row] += torch.bincount(bins[mask], minlength=NUM_BINS).cpu()
    return counts[0], counts[1]


def highest_with_recall(true: Tensor, recall: float) -> float:
    """The highest bin edge in (0, ½] above which at least `recall` of the counts `true` lie."""
    kept = true.flip(0).cumsum(0).flip(0)
    edges = [edge for edge in range(1, NUM_BINS // 2 + 1) if kept[edge] >= recall * kept[0]]
    return max(edges, default=1) / NUM_BINS


def best_iou(true: Tensor, false: Tensor) -> float:
    """The bin edge in (0, 1) above which true / (all true + false kept) is largest; ½ if nothing is true."""
    kept_true, kept_false = (counts.flip(0).cumsum(0).flip(0).double() for counts in (true, false))
    iou = kept_true / (true.sum() + kept_false).clamp(min=1)
    return (int(iou[1:].argmax()) + 1) / NUM_BINS if true.sum() else 0.5
