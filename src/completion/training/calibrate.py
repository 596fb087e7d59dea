"""Thresholds per level that give the best IoU on the validation split, as evaluation runs: free."""

from collections.abc import Iterable

import torch
from torch import Tensor

from completion.data.collate import Batch
from completion.models.completion_model import CompletionModel
from completion.training.tensors import input_tensor, truth_map

NUM_BINS = 50
COARSE_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Tried at every level but the finest; biased to recall: what is lost there cannot come back."""


@torch.no_grad()
def calibrate(model: CompletionModel, batches: Iterable[Batch]) -> list[float]:
    """Sets and returns the thresholds of `model`, coarse to fine.

    Level after level, from the coarsest, takes the threshold with the best IoU of the final voxels, the
    finest level at its own best threshold each time. One pass over the batches per level and threshold tried.

    Args:
        model: left in evaluation mode.
        batches: a part of the validation split large enough to tell thresholds apart; some dozens of items.
    """
    model.eval()
    batches = list(batches)
    best, best_score = model.thresholds, -1.0
    for index in range(max(len(best) - 1, 1)):
        for threshold in COARSE_THRESHOLDS if len(best) > 1 else best:  # one level is the finest
            trial = [*best[:index], threshold, *best[index + 1 :]]
            model.set_thresholds(trial)
            finest, score = best_finest(*finest_counts(model, batches))
            if score > best_score:
                best, best_score = [*trial[:-1], finest], score
    model.set_thresholds(best)
    return best


def finest_counts(model: CompletionModel, batches: Iterable[Batch]) -> tuple[Tensor, Tensor, int]:
    """Candidates of the finest level by probability, true and false ones, and the number of true voxels.

    Returns:
        int64[NUM_BINS] twice, and the voxels of the whole shapes, reached or not.
    """
    device = next(model.parameters()).device
    counts, num_true = torch.zeros(2, NUM_BINS, dtype=torch.int64), 0
    for batch in batches:
        truth = truth_map(batch, device)
        level = model(input_tensor(batch, device), truth).levels[-1]
        assert level.target is not None
        bins = (torch.sigmoid(level.logits.float()) * NUM_BINS).long().clamp(0, NUM_BINS - 1)
        for row, mask in enumerate((level.target, ~level.target)):
            counts[row] += torch.bincount(bins[mask], minlength=NUM_BINS).cpu()
        num_true += truth.num_rows
    return counts[0], counts[1], num_true


def best_finest(true: Tensor, false: Tensor, num_true: int) -> tuple[float, float]:
    """The threshold in (0, 1) with the highest IoU, and that IoU; ½ and 0 if no candidate is true.

    Args:
        true: int64[NUM_BINS], true candidates by probability.
        false: int64[NUM_BINS], likewise.
        num_true: true voxels in all, candidates or not.
    """
    kept_true, kept_false = (counts.flip(0).cumsum(0).flip(0).double() for counts in (true, false))
    iou = (kept_true / (num_true + kept_false).clamp(min=1))[1:]
    if not true.sum():
        return 0.5, 0.0
    return (int(iou.argmax()) + 1) / NUM_BINS, float(iou.max())
