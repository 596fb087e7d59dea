"""CompletionNet: shape of the result, free running, guards, reach, and the degenerate batches."""

import pytest
import torch
from tests.refusals import refusal

from completion.models import CompletionNet, PredictedOnly, TruthOnly, completion_loss, support_recall
from completion.sparse import CoordMap, SparseTensor

RESOLUTION = 16


def small_net(**arguments) -> CompletionNet:
    torch.manual_seed(0)
    return CompletionNet(
        RESOLUTION, channels=(4, 8, 8), thresholds=(0.3, 0.4, 0.5), dense_blocks=1, **arguments
    )


def rows_per_item(coord_map: CoordMap) -> list[int]:
    return torch.bincount(coord_map.coords[:, 0].long(), minlength=coord_map.batch_size).tolist()


def test_levels_go_from_the_coarse_grid_to_the_finest_voxels(partial, truth):
    completion = small_net()(partial, truth)
    assert [level.stride for level in completion.levels] == [4, 2, 1]
    assert completion.levels[0].coord_map.num_rows == 2 * 4**3
    for level in completion.levels:
        assert level.logits.shape == level.kept.shape == level.target.shape == (level.coord_map.num_rows,)
    finest = completion.levels[-1]
    assert completion.coord_map.stride == (1, 1, 1)
    assert torch.equal(completion.coord_map.keys, finest.coord_map.keys[finest.kept])
    assert torch.equal(completion.logits, finest.logits[finest.kept])


def test_training_with_truth_reaches_all_of_it(partial, truth):
    completion = small_net()(partial, truth)
    assert completion.coord_map.contains(truth).all()
    assert all(float(share) == 1 for share in support_recall(completion.levels, truth).values())


def test_every_cell_is_in_reach_of_one_corner_voxel():
    """The coarse grid is full, so truth anywhere can be found from input anywhere."""
    corner = SparseTensor.from_coords(torch.ones(1, 1), torch.zeros(1, 4, dtype=torch.int32))
    far = CoordMap.from_coords(torch.tensor([[0, 15, 15, 15]], dtype=torch.int32))
    levels = small_net(policy=TruthOnly())(corner, far).levels
    assert [float(share) for share in support_recall(levels, far).values()] == [1, 1, 1]


def test_support_recall_is_the_share_of_true_voxels_whose_cell_is_kept(partial, truth):
    level = small_net()(partial, truth).levels[1]
    level.kept = level.coord_map.coords[:, 1] >= 8
    expected = ((truth.coords[:, 1] // 2 * 2) >= 8).float().mean()
    assert float(support_recall([level], truth)[2]) == pytest.approx(float(expected))


def test_evaluation_runs_free_and_the_truth_changes_nothing(partial, truth):
    net = small_net().eval()
    alone, beside = net(partial), net(partial, truth)
    assert torch.equal(alone.coord_map.keys, beside.coord_map.keys)
    assert alone.levels[0].target is None
    assert beside.levels[0].target is not None
    true_structure = net(partial, truth, policy=TruthOnly())
    assert torch.equal(true_structure.coord_map.keys, truth.keys)


def test_policy_rules_training(partial, truth):
    assert torch.equal(small_net(policy=TruthOnly())(partial, truth).coord_map.keys, truth.keys)
    for level in small_net(policy=PredictedOnly(), min_keep=0)(partial, truth).levels:
        threshold = {4: 0.3, 2: 0.4, 1: 0.5}[level.stride]
        assert torch.equal(level.kept, torch.sigmoid(level.logits) > threshold)


def test_items_do_not_see_each_other_in_evaluation(partial, truth):
    net = small_net().eval()
    mask = partial.coords[:, 0] == 0
    alone = net(SparseTensor.from_coords(partial.features[mask], partial.coords[mask]))
    both = net(partial)
    first = both.levels[0].coord_map.coords[:, 0] == 0
    torch.testing.assert_close(alone.levels[0].logits, both.levels[0].logits[first])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("bias", [-20.0, 20.0])
def test_budgets_hold_at_every_level(partial, truth, training, bias):
    budgets = (5, 17, 40)
    net = small_net(row_budgets=budgets).train(training)
    for prune in net.prunes:
        torch.nn.init.constant_(prune.classifier.bias, bias)
    completion = net(partial, truth)
    for level, budget in zip(completion.levels, budgets, strict=True):
        assert max(rows_per_item(level.coord_map.pruned(level.kept))) <= budget
    if bias > 0:
        assert all(level.num_dropped_by_budget > 0 for level in completion.levels)
        assert rows_per_item(completion.coord_map) == [40, 40]


def test_default_budget_is_six_faces_of_the_grid():
    assert [prune.row_budget for prune in small_net().prunes] == [96, 384, 1536]


def test_nothing_outside_the_grid_is_kept():
    coords = torch.tensor([[0, 15, 15, 15], [0, 0, 0, 0]], dtype=torch.int32)
    net = small_net().eval()
    for prune in net.prunes:
        torch.nn.init.constant_(prune.classifier.bias, 20.0)
    kept = net(SparseTensor.from_coords(torch.ones(2, 1), coords)).coord_map.coords[:, 1:]
    assert kept.min() >= 0
    assert kept.max() < RESOLUTION


def test_minimum_zero_may_keep_nothing_and_training_goes_on(partial, truth):
    net = small_net(min_keep=0, policy=PredictedOnly())
    for prune in net.prunes:
        torch.nn.init.constant_(prune.classifier.bias, -20.0)
    completion = net(partial, truth)
    assert completion.coord_map.num_rows == 0
    loss, _ = completion_loss(completion.levels, partial.coord_map)
    loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch_size", [0, 2])
def test_batches_without_voxels(training, batch_size):
    nothing = torch.zeros(0, 4, dtype=torch.int32)
    net = small_net().train(training)
    partial = SparseTensor.from_coords(torch.ones(0, 1), nothing, batch_size=batch_size)
    completion = net(partial, CoordMap.from_coords(nothing, batch_size=batch_size))
    assert completion.coord_map.batch_size == batch_size
    loss, _ = completion_loss(completion.levels, partial.coord_map)
    loss.backward()
    assert loss.isfinite()


def test_one_empty_item_beside_a_full_one(partial, truth):
    mask, true = partial.coords[:, 0] == 1, truth.coords[:, 0] == 1
    half = SparseTensor.from_coords(partial.features[mask], partial.coords[mask], batch_size=2)
    completion = small_net()(half, CoordMap.from_coords(truth.coords[true], batch_size=2))
    assert rows_per_item(completion.coord_map)[1] >= int(true.sum())
    completion_loss(completion.levels, half.coord_map)[0].backward()


def test_learns_two_half_spheres_by_heart(partial, truth):
    torch.manual_seed(0)
    net = CompletionNet(RESOLUTION, channels=(8, 8, 16), thresholds=(0.3, 0.4, 0.5), dense_blocks=1)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2)
    # Twice what the slowest of six seeds needs: rounding differs from machine to machine.
    for _ in range(250):
        optimiser.zero_grad()
        completion_loss(net(partial, truth).levels, partial.coord_map, missing_weight=1.0)[0].backward()
        optimiser.step()
    found = net.eval()(partial).coord_map
    hits = int(found.contains(truth).sum())
    assert hits / (found.num_rows + truth.num_rows - hits) >= 0.99


def test_thresholds_are_set_per_level_and_saved():
    net, other = small_net(), small_net()
    net.set_thresholds([0.1, 0.2, 0.6])
    other.load_state_dict(net.state_dict())
    assert other.thresholds == pytest.approx([0.1, 0.2, 0.6])
    for wrong in ([0.9], [0.9, 0.9, 0.9, 0.9], [0.9, 0.9, 1.0], [0.9, 0.9, "a"]):
        assert refusal(net.set_thresholds, wrong)["argument"] == "thresholds"
    assert net.thresholds == other.thresholds, "a refusal sets nothing"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"resolution": 18}, "resolution must be a multiple of"),
        ({"resolution": 16, "thresholds": (0.5,)}, "thresholds must be 4 values"),
        ({"resolution": 16, "row_budgets": (9, 9)}, "row_budgets must be 4 values"),
    ],
)
def test_refuses_settings_that_do_not_fit(arguments, words):
    with pytest.raises(ValueError, match=words):
        CompletionNet(**arguments)
