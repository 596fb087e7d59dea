"""Calibration picks the thresholds that its rules say, and evaluation then uses them."""

import pytest
import torch

from completion.training.calibrate import (
    NUM_BINS,
    best_iou,
    calibrate,
    highest_with_recall,
    probability_counts,
)
from completion.training.module import batch_scores
from completion.training.tensors import input_tensor


def bins(**counts: int) -> torch.Tensor:
    """Counts by bin number: bins(b10=3)."""
    values = torch.zeros(NUM_BINS, dtype=torch.int64)
    for name, count in counts.items():
        values[int(name[1:])] = count
    return values


def test_coarse_threshold_is_the_highest_that_keeps_the_recall():
    assert highest_with_recall(bins(b3=1, b10=9, b40=90), 0.99) == pytest.approx(10 / NUM_BINS)
    assert highest_with_recall(bins(b3=1, b10=9, b40=90), 0.90) == pytest.approx(25 / NUM_BINS)
    assert highest_with_recall(bins(b0=5), 0.99) == pytest.approx(1 / NUM_BINS)
    assert highest_with_recall(bins(), 0.99) == 0.5


def test_finest_threshold_has_the_best_iou_of_all():
    true, false = bins(b10=40, b30=60), bins(b10=10, b29=500, b31=5)
    assert best_iou(true, false) == pytest.approx(30 / NUM_BINS)
    assert best_iou(bins(), bins(b3=4)) == 0.5


def test_counts_all_candidates_of_the_level(data, net):
    net.eval()
    true, false = probability_counts(net, data.val_dataloader(), 0)
    assert int(true.sum() + false.sum()) == 2 * 4**3


def test_calibration_improves_a_network_that_predicts_too_little(data, net):
    for prune in net.prunes:
        torch.nn.init.normal_(prune.classifier.weight, std=0.5)
        torch.nn.init.constant_(prune.classifier.bias, -2.0)
    batches = list(data.val_dataloader())

    def iou() -> float:
        with torch.no_grad():
            return sum(batch_scores(net.eval()(input_tensor(batch)), batch)["iou"] for batch in batches)

    before = iou()
    thresholds = calibrate(net, batches)
    assert net.thresholds == pytest.approx(thresholds)
    assert all(threshold <= 0.5 for threshold in thresholds[:-1])
    assert iou() > before
