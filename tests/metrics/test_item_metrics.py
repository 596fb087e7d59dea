"""Averages over items and categories: the torchmetrics classes agree with the plain aggregate."""

import brute_force
import numpy as np
import pytest
import torch

from completion.metrics import (
    ChamferL1,
    FScore,
    IoU,
    MissingIoU,
    ObservedIoU,
    Precision,
    Recall,
    aggregate,
    bootstrap_interval,
)

CATEGORIES = ("chair", "chair", "chair", "cup", "lamp")
RESOLUTION = 8


@pytest.fixture
def items() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Predicted, true and input voxels of five items; the last prediction is empty."""
    rng = np.random.default_rng(0)
    made = [tuple(rng.integers(0, 8, size=(size, 3)) for size in (90, 100, 6)) for _ in CATEGORIES]
    made[-1] = (np.zeros((0, 3), dtype=np.int64), *made[-1][1:])
    return made


@pytest.mark.parametrize("metric", [IoU, Precision, Recall, MissingIoU, ObservedIoU])
@pytest.mark.parametrize("stride", [1, 2])
def test_voxel_metrics_average_brute_force(metric, stride, items):
    measure = metric(RESOLUTION, stride=stride, categories=sorted(set(CATEGORIES)))
    for item, category in zip(items, CATEGORIES, strict=True):
        measure.update(*(torch.from_numpy(coords) for coords in item), category=category)
    values = [brute_force.voxel_scores(*item, RESOLUTION, stride)[metric.score] for item in items]
    assert values[-1] == 0.0
    assert measure.compute()["micro"].item() == pytest.approx(sum(values) / 5)
    by_category = (sum(values[:3]) / 3 + values[3] + values[4]) / 3
    assert measure.compute()["macro"].item() == pytest.approx(by_category)
    assert aggregate(values, CATEGORIES).macro == pytest.approx(by_category)


@pytest.mark.parametrize("metric", [ChamferL1, FScore])
def test_point_metrics_average_brute_force(metric, items):
    measure = metric(RESOLUTION)
    values = []
    for found, truth, _ in items[:-1]:
        measure.update(found + 0.5, truth)
        unit = (found + 0.5) / RESOLUTION, truth / RESOLUTION
        one = brute_force.chamfer_l1(*unit) if metric is ChamferL1 else brute_force.fscore(*unit, 0.01)
        values.append(one)
    assert measure.compute()["micro"].item() == pytest.approx(sum(values) / 4)
    assert measure.compute()["macro"].item() == measure.compute()["micro"].item()


def test_states_add_up_over_processes(items):
    whole, parts = IoU(RESOLUTION), [IoU(RESOLUTION), IoU(RESOLUTION)]
    for number, item in enumerate(items):
        whole.update(*item)
        parts[number % 2].update(*item)
    merged = sum(part.totals.sum() for part in parts) / sum(part.counts.sum() for part in parts)
    assert merged.item() == pytest.approx(whole.compute()["micro"].item())
    whole.reset()
    assert whole.compute()["micro"].isnan()


def test_unknown_category_is_named():
    with pytest.raises(ValueError, match=r"IoU.update: category must be one of \('cup',\), got 'chair'"):
        IoU(8, categories=["cup"]).update(*[np.zeros((1, 3), dtype=int)] * 3, category="chair")


def test_aggregate_needs_items():
    with pytest.raises(ValueError, match="aggregate: values and categories must be as many"):
        aggregate([], [])


def test_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = [bootstrap_interval(rng.normal(size=40), num_resamples=400) for _ in range(300)]
    covered = np.mean([low <= 0 <= high for low, high in intervals])
    # 300 trials at 95 %: five standard deviations are 6 %; the percentile interval is slightly too narrow.
    assert 0.88 <= covered <= 0.99


def test_repeated_views_do_not_narrow_the_interval():
    values = np.random.default_rng(0).random(20)
    groups = [str(number) for number in range(20)]
    once = bootstrap_interval(values, groups)
    thrice = bootstrap_interval(np.repeat(values, 3), np.repeat(groups, 3))
    assert thrice == pytest.approx(once)
    low, high = bootstrap_interval(np.repeat(values, 3))
    assert high - low < 0.7 * (once[1] - once[0])


def test_interval_of_one_item_is_its_value():
    assert bootstrap_interval([0.25]) == (0.25, 0.25)
