"""The learning rate's course, and which parameters decay."""

import pytest
import torch

from completion.training.optimiser import make_adamw, warm_up_cosine


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
