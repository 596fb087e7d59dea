"""The learning rate's course, and which parameters decay."""

import pytest
import torch

from completion.training.optimiser import make_adamw, restart_schedule, warm_up_cosine


def rates(num_steps: int, warm_up_steps: int) -> list[float]:
    optimiser = make_adamw(torch.nn.Linear(1, 1), learning_rate=1.0, weight_decay=0.0)
    schedule = warm_up_cosine(optimiser, num_steps, warm_up_steps, last_share=0.1)
    seen = []
    for _ in range(num_steps):
        seen.append(schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()
    return seen


def test_rises_linearly_then_falls_to_the_last_share():
    seen = rates(num_steps=100, warm_up_steps=10)
    assert seen[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert seen[10:] == sorted(seen[10:], reverse=True)
    assert seen[55] == pytest.approx(0.55)
    assert seen[-1] == pytest.approx(0.1, abs=1e-3)


def test_a_short_training_warms_up_for_a_tenth_of_it():
    assert rates(num_steps=20, warm_up_steps=1000)[:3] == pytest.approx([0.5, 1.0, 1.0])


def test_biases_and_norms_do_not_decay():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LayerNorm(3))
    decayed, kept = make_adamw(model, 1e-3, 0.1).param_groups
    assert decayed["weight_decay"] == 0.1
    assert kept["weight_decay"] == 0.0
    assert [p.ndim for p in decayed["params"]] == [2]
    assert [p.ndim for p in kept["params"]] == [1, 1, 1]


@pytest.mark.parametrize("peak", [1.0, 0.25])
def test_a_schedule_restarts_with_another_peak_and_decay(peak: float):
    """As if it had had them from the beginning; with its own nothing changes, to the bit."""
    courses, decays = [], []
    for first in (1.0, peak):
        optimiser = make_adamw(torch.nn.Linear(1, 1), first, weight_decay=first)
        schedule = warm_up_cosine(optimiser, 20, 4)
        for step in range(12):
            if step == 6:
                restart_schedule(optimiser, schedule, peak, peak)
            optimiser.step()
            schedule.step()
        courses.append([group["lr"] for group in optimiser.param_groups])
        decays.append([group["weight_decay"] for group in optimiser.param_groups])
    assert courses[0] == courses[1] == schedule.get_last_lr()
    assert decays == [[peak, 0.0]] * 2


def test_gradients_that_were_scaled_and_clipped_take_the_same_step():
    """As float16 needs it: AdamW is fused, but must not undo the scale once more."""
    weights = []
    for scaled in (False, True):
        torch.manual_seed(0)
        layer = torch.nn.Linear(4, 4)
        optimiser = make_adamw(layer, 0.1, 0.0)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=scaled)
        scaler.scale(layer(torch.ones(1, 4)).square().sum()).backward()
        scaler.unscale_(optimiser)
        torch.nn.utils.clip_grad_norm_(layer.parameters(), 0.5)
        scaler.step(optimiser)
        weights.append(layer.weight.detach())
    torch.testing.assert_close(*weights)
