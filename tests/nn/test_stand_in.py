"""Modules of torch that the engine stands in for: watched, changed or replaced they are called themselves."""

import pytest
import torch
from tests.sparse.voxels import random_features, random_map
from tests.tolerances import assert_near

from completion import nn

MODULES = {
    "Linear": (lambda: nn.Linear(8, 3), "module"),
    "LayerNorm": (lambda: nn.LayerNorm(8), "module"),
    "Prune": (lambda: nn.Prune(8), "classifier"),
}


def features(layer: torch.nn.Module, x) -> torch.Tensor:
    out = layer(x)
    return out[1].logits if isinstance(layer, nn.Prune) else out.features


@pytest.mark.parametrize("name", MODULES)
def test_a_hook_sees_and_changes_what_there_is(name, device) -> None:
    make, inner = MODULES[name]
    layer, x = make().to(device), random_features(random_map(0, device), 8).to(torch.float32)
    before = features(layer, x)
    seen = []
    handle = getattr(layer, inner).register_forward_hook(lambda _, given, out: seen.append(out) or 2 * out)
    assert_near(features(layer, x), 2 * before)
    assert len(seen) == 1
    handle.remove()
    assert torch.equal(features(layer, x), before)


@pytest.mark.parametrize("name", MODULES)
def test_another_module_in_its_place_is_called(name, device) -> None:
    make, inner = MODULES[name]
    layer, x = make().to(device), random_features(random_map(0, device), 8).to(torch.float32)
    before = features(layer, x)
    setattr(layer, inner, torch.nn.Sequential(getattr(layer, inner), torch.nn.Tanh()))
    assert_near(features(layer, x), before.tanh())


@pytest.mark.parametrize("name", MODULES)
def test_a_forward_of_its_own_is_called(name, device) -> None:
    make, inner = MODULES[name]
    layer, x = make().to(device), random_features(random_map(0, device), 8).to(torch.float32)
    before, part = features(layer, x), getattr(layer, inner)
    own = part.forward
    part.forward = lambda given: own(given).tanh()
    assert_near(features(layer, x), before.tanh())


@pytest.mark.parametrize("norm", [torch.nn.utils.spectral_norm, torch.nn.utils.parametrizations.weight_norm])
def test_a_weight_of_torchs_making_trains(norm, device) -> None:
    layer, x = nn.Linear(8, 3).to(device), random_features(random_map(0, device), 8).to(torch.float32)
    norm(layer.module)
    for _ in range(2):
        layer(x).features.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in layer.parameters())
