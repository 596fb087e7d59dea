"""Weights of the original network: every one lands in its place, and what does not fit is named."""

import pytest
import torch
from tests.models.minkowski_state import random_state

from completion.models.from_minkowski import channels_of, load_minkowski, weight_names, without_prefix
from completion.models.minkowski_net import MinkowskiNet

WIDTHS = [3, 4, 5, 6]


def test_every_entry_lands_in_its_own_place():
    state, net = random_state(WIDTHS), MinkowskiNet(16, channels=WIDTHS)
    assert channels_of(state) == WIDTHS
    load_minkowski(net, state)
    own = net.state_dict()
    for theirs, ours in weight_names(len(WIDTHS)).items():
        assert torch.equal(own[ours].flatten(), state[theirs].flatten()), theirs
    assert len(set(weight_names(len(WIDTHS)).values())) == len(state)
    assert net.thresholds == [0.5, 0.5, 0.5]
    assert own["decoder.2.prune.classifier.weight"].shape == (1, 3)


def test_the_prefix_of_a_parallel_module_is_taken_off():
    state = random_state(WIDTHS)
    assert without_prefix({f"module.{name}": value for name, value in state.items()}).keys() == state.keys()
    assert without_prefix(state).keys() == state.keys()


def changed(**entries) -> dict[str, torch.Tensor]:
    """A state dict with entries replaced, or removed where None is given; `__` stands for a point."""
    state = random_state(WIDTHS)
    for name, value in entries.items():
        name = name.replace("__", ".")
        state.pop(name, None) if value is None else state.update({name: value})
    return state


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"fc.weight": torch.ones(2, 2)}, r"with enc_block_s1\.0\.kernel, got fc\.weight"),
        ({}, "with enc_block_s1.0.kernel, got none"),
        (changed(enc_block_s2s4__0__kernel=None), r"with enc_block_s2s4\.0\.kernel, got .* and \d+ more"),
        (changed(enc_block_s2s4__0__kernel=torch.ones(3)), r"enc_block_s2s4\.0\.kernel must be \[K, Cin"),
        (changed(dec_s1_cls__bias=None), r"missing: dec_s1_cls\.bias; unknown: none"),
        (changed(extra=torch.ones(1)), "missing: none; unknown: extra"),
        (changed(dec_s1_cls__kernel=torch.ones(1, 3)), r"dec_s1_cls\.kernel must be \[3, 1\], got \[1, 3\]"),
        (changed(dec_s1_cls__bias=torch.ones(1)), r"dec_s1_cls\.bias must be \[1, 1\], got \[1\]"),
        (changed(enc_block_s1__0__kernel=torch.ones(27, 4, 3)), r"must be \[27, 1, 3\], got \[27, 4, 3\]"),
        (changed(dec_block_s8s4__0__kernel=torch.ones(8, 6, 5)), r"must be \[64, 6, 5\], got \[8, 6, 5\]"),
    ],
)
def test_what_does_not_fit_is_named(state, words):
    with pytest.raises(ValueError, match=words):
        load_minkowski(MinkowskiNet(16, channels=channels_of(state)), state)


def test_a_refused_state_dict_leaves_the_network_alone():
    net = MinkowskiNet(16, channels=WIDTHS)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(ValueError, match="dec_s1_cls"):
        load_minkowski(net, changed(dec_s1_cls__bias=torch.ones(1)))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
