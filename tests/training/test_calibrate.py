"""Calibration picks the thresholds that its rule says, and evaluation then uses them."""

import pytest
import torch

from completion.models import CompletionNet
from completion.training.calibrate import NUM_BINS, best_finest, calibrate, finest_counts
from completion.training.module import batch_scores
from completion.training.tensors import input_tensor, truth_map


def bins(**counts: int) -> torch.Tensor:
    """Counts by bin number: bins(b10=3)."""
    values = torch.zeros(NUM_BINS, dtype=torch.int64)
    for name, count in counts.items():
        values[int(name[1:])] = count
    return values


def test_finest_threshold_has_the_best_iou_of_all():
    threshold, iou = best_finest(bins(b10=40, b30=60), bins(b10=10, b29=500, b31=5), 120)
    assert threshold == pytest.approx(30 / NUM_BINS)
    assert iou == pytest.approx(60 / 125)


def test_without_true_candidates_nothing_is_chosen():
    assert best_finest(bins(), bins(b3=4), 7) == (0.5, 0.0)


def test_counts_every_candidate_of_the_finest_level_and_every_true_voxel(data, net):
    net.eval()
    batches = list(data.val_dataloader())
    true, false, num_true = finest_counts(net, batches)
    levels = [net(input_tensor(batch), truth_map(batch)).levels[-1] for batch in batches]
    assert int(true.sum()) == sum(int(level.target.sum()) for level in levels)
    assert int(true.sum() + false.sum()) == sum(level.coord_map.num_rows for level in levels)
    assert num_true == sum(len(batch.complete_coords) for batch in batches)


def test_a_network_of_one_level_takes_its_best_threshold(data):
    net = CompletionNet(16, channels=(8,), thresholds=(0.5,), dense_blocks=1).eval()
    batches = list(data.val_dataloader())
    best = best_finest(*finest_counts(net, batches))[0]
    assert best != 0.5
    assert calibrate(net, batches) == [best] == pytest.approx(net.thresholds)


def test_calibration_mends_a_network_that_predicts_too_little(data, net):
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
