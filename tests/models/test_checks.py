"""What the networks refuse to be made from and to be called with, in sentences of one form."""

import pytest
import torch
from tests.refusals import refusal

from completion.models import CompletionNet, MinkowskiNet
from completion.sparse import CoordMap, SparseTensor

COORDS = torch.tensor([[0, 0, 0, 0], [0, 2, 4, 6]], dtype=torch.int32)
SET = CoordMap.from_coords(COORDS)
X = SparseTensor(torch.ones(2, 1), SET)
NETWORKS = (CompletionNet, MinkowskiNet)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("resolution", [16.0, "16", None, 0, -8, True]),
        ("channels", [4, None, "abc", (), (4, 0), (4, 8.0), [8, "4"]]),
        ("thresholds", [0.5, "abc", (0.5,), [0.5, 0.5, 2.0], [0.5, 0.5, 0.0], [None, 0.5, 0.5]]),
        ("policy", ["union", 3]),
    ],
)
def test_settings(network, argument, wrong):
    channels = (2, 2, 2) if network is CompletionNet else (2, 2, 2, 2)
    good = {"resolution": 16, "channels": channels, "thresholds": (0.5, 0.5, 0.5), "policy": None}
    network(**good)
    for value in wrong:
        parts = refusal(network, **{**good, argument: value})
        assert parts["function"] in (network.__name__, "Prune")


@pytest.mark.parametrize("network", NETWORKS)
def test_inputs(network):
    net = network(16, channels=(2, 2, 2), thresholds=None if network is MinkowskiNet else (0.5, 0.5, 0.5))
    net(X, SET)
    for partial in (SET, X.features, None, SparseTensor(torch.ones(2, 1), CoordMap.from_coords(COORDS, 2))):
        assert refusal(net, partial)["argument"] == "partial"
    for truth in (X, COORDS, SET.to("meta")):
        assert refusal(net, X, truth)["argument"] == "truth"
