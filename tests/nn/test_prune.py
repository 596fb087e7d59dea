"""The learnable prune layer: what the policy decides, the guards per item and the degenerate batches."""

from collections.abc import Iterator

import pytest
import torch

from completion.models.policies import TruthOnly, UnionWithTruth
from completion.nn.prune import Level, Prune, predicted_only, rank_within_items
from completion.sparse import CoordMap, SparseTensor


@pytest.fixture(autouse=True)
def on_device(device: torch.device) -> Iterator[None]:
    """Every tensor of a test is made on the device under test."""
    with device:
        yield


def line(*lengths: int) -> CoordMap:
    """Item b has `lengths[b]` voxels along x from the origin: canonical order is x ascending."""
    coords = [[b, x, 0, 0] for b, length in enumerate(lengths) for x in range(length)]
    return CoordMap.from_coords(
        torch.tensor(coords, dtype=torch.int32).reshape(-1, 4), batch_size=len(lengths)
    )


def decide(
    prune: Prune, coord_map: CoordMap, logits: list[float], target=None, policy=predicted_only
) -> Level:
    mask = None if target is None else torch.tensor(target, dtype=torch.bool)
    return prune.decide(coord_map, torch.tensor(logits, dtype=torch.float32), mask, policy)


def test_keeps_rows_above_the_threshold_and_the_gradient_reaches_them_alone():
    prune = Prune(1, threshold=0.5, min_keep=0)
    torch.nn.init.ones_(prune.classifier.weight)
    torch.nn.init.zeros_(prune.classifier.bias)
    features = torch.tensor([[-1.0], [2.0], [-3.0], [4.0]], requires_grad=True)
    kept, level = prune(SparseTensor(features, line(4)))
    assert level.kept.tolist() == [False, True, False, True]
    assert level.target is None
    assert kept.coords[:, 1].tolist() == [1, 3]
    kept.features.sum().backward()
    assert features.grad.flatten().tolist() == [0, 1, 0, 1]


def test_a_half_network_keeps_its_thresholds():
    prune = Prune(1, threshold=0.999).bfloat16()
    assert prune.classifier.weight.dtype == torch.bfloat16
    assert abs(float(prune.threshold) - 0.999) < 1e-6
    assert prune.to("meta").threshold.is_meta


def test_threshold_is_saved_with_the_weights():
    prune = Prune(1, threshold=0.25)
    other = Prune(1, threshold=0.5)
    other.load_state_dict(prune.state_dict())
    assert float(other.threshold) == 0.25
    assert decide(other, line(2), [-0.9, -1.3]).kept.tolist() == [True, False]


def test_at_one_half_exactly_the_positive_logits_are_predicted():
    tiny = torch.finfo(torch.float32).tiny
    level = decide(Prune(1, min_keep=0), line(4), [tiny, 0.0, -tiny, 1e-9])
    assert level.kept.tolist() == [True, False, False, True]


def test_target_comes_from_a_finer_truth():
    coarse = CoordMap.from_coords(torch.tensor([[0, 0, 0, 0], [0, 4, 0, 0]], dtype=torch.int32), stride=4)
    truth = CoordMap.from_coords(torch.tensor([[0, 5, 2, 3]], dtype=torch.int32))
    _, level = Prune(2)(SparseTensor(torch.zeros(2, 2), coarse), truth, TruthOnly())
    assert level.stride == 4
    assert level.target.tolist() == [False, True]
    assert level.kept.tolist() == [False, True]


@pytest.mark.parametrize("budget", [1, 2, 5])
@pytest.mark.parametrize("policy", [predicted_only, TruthOnly(), UnionWithTruth()])
def test_budget_is_never_exceeded_and_the_highest_logits_stay(budget, policy, device):
    generator = torch.Generator(device).manual_seed(budget)
    coord_map = line(7, 0, 3, 1)
    logits = torch.randn(11, generator=generator)
    target = torch.rand(11, generator=generator) < 0.7
    free = Prune(1, min_keep=0).decide(coord_map, logits, target, policy).kept
    level = Prune(1, min_keep=0, row_budget=budget).decide(coord_map, logits, target, policy)
    for item in range(4):
        rows = (coord_map.coords[:, 0] == item) & free
        best = logits[rows].sort(descending=True).values[:budget]
        mine = logits[(coord_map.coords[:, 0] == item) & level.kept].sort(descending=True).values
        assert torch.equal(mine, best)
    assert level.num_dropped_by_budget == int(free.sum() - level.kept.sum())


def test_one_item_cannot_starve_another():
    level = decide(Prune(1, row_budget=2, min_keep=0), line(5, 2), [9, 8, 7, 6, 5, 0.1, 0.2])
    assert level.kept.tolist() == [True, True, False, False, False, True, True]
    assert level.num_dropped_by_budget == 3


def test_minimum_adds_the_best_rows_of_poor_items_only_and_is_counted():
    level = decide(Prune(1, min_keep=2), line(3, 3, 1), [-1, -3, -2, 1, 2, -5, -4])
    assert level.kept.tolist() == [True, False, True, True, True, False, True]
    assert level.num_kept_by_minimum == 3


def test_minimum_counts_rows_the_policy_kept_first():
    # The truth row has the lowest logit; the budget allows two, so one more row may join it.
    prune = Prune(1, min_keep=2, row_budget=2)
    level = decide(prune, line(4), [-1, -2, -3, -4], [False, False, False, True], TruthOnly())
    assert level.kept.tolist() == [True, False, False, True]
    assert level.num_dropped_by_budget == 0


def test_rows_outside_the_box_never_stay():
    prune = Prune(1, min_keep=3, box=((1, 0, 0), (3, 1, 1)))
    level = decide(prune, line(4), [5, 4, -1, 6])
    assert level.kept.tolist() == [False, True, True, False]
    assert level.num_outside == 2
    assert level.num_kept_by_minimum == 1


def test_nan_logits_are_not_predicted_and_never_added():
    level = decide(Prune(1, min_keep=1), line(3), [float("nan"), -7, float("nan")])
    assert level.kept.tolist() == [False, True, False]


@pytest.mark.parametrize("lengths", [(), (0,), (0, 0), (1,), (0, 1, 0), (5,)])
@pytest.mark.parametrize("logit", [-50.0, 50.0])
@pytest.mark.parametrize("with_truth", [False, True])
def test_degenerate_batches_go_through_forward_and_backward(lengths, logit, with_truth):
    coord_map = line(*lengths)
    prune = Prune(3, min_keep=0, row_budget=100)
    torch.nn.init.constant_(prune.classifier.bias, logit)
    features = torch.zeros(coord_map.num_rows, 3, requires_grad=True)
    truth = line(*[0] * len(lengths)) if with_truth else None
    kept, level = prune(SparseTensor(features, coord_map), truth)
    assert kept.num_rows == (coord_map.num_rows if logit > 0 else 0)
    assert kept.batch_size == len(lengths)
    (kept.features.sum() + level.logits.sum()).backward()
    assert features.grad.shape == features.shape


def test_rank_breaks_ties_by_row_order():
    scores = torch.tensor([1.0, 1.0, 3.0, 1.0, 2.0])
    first = torch.tensor([False, False, False, True, False])
    batch = torch.tensor([0, 0, 0, 0, 2])
    assert rank_within_items(scores, first, batch, 3).tolist() == [2, 3, 1, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"threshold": 1.0}, "threshold must be between 0 and 1"),
        ({"prior": 0.0}, "prior must be between 0 and 1"),
        ({"row_budget": 0}, "row_budget must be an integer in 1"),
        ({"row_budget": 2, "min_keep": 3}, "raise the budget"),
        ({"min_keep": -1}, "min_keep must be an integer in 0"),
    ],
)
def test_refuses_impossible_settings(arguments, words):
    with pytest.raises(ValueError, match=words):
        Prune(1, **arguments)
