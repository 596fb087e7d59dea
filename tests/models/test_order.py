"""Coordinates first: no set waits behind products that it does not need."""

import pytest
import torch
from tests.models.conftest import RESOLUTION
from torch.utils._python_dispatch import TorchDispatchMode

from completion.models import CompletionModel, CompletionNet, MinkowskiNet, TruthOnly
from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor

# On a GPU the host waits for their size, but for that of consecutive children.
SETS = ("coordinate_set", "strided_set", "pyramid", "generative_set", "union_set")
PRODUCTS = ("convolution", "mm", "addmm", "bmm")
THRESHOLDS = [0.4] * 3
NETWORKS = {
    "default": lambda: CompletionNet(RESOLUTION, 1, (4, 8, 8), 1, THRESHOLDS, policy=TruthOnly()),
    "minkowski": lambda: MinkowskiNet(RESOLUTION, 1, (4, 4, 8, 8), THRESHOLDS, policy=TruthOnly()),
}


class Recorded(TorchDispatchMode):
    """Names of the operators that run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(func.name().split("::")[1].split(".")[0])
        return func(*args, **(kwargs or {}))


def parts_between_prunes(network: CompletionModel, partial: SparseTensor, truth: CoordMap) -> list[list[str]]:
    """What runs up to each prune, whose decision the sets after it need."""
    with Recorded() as recorded:
        network(partial, truth)
    parts: list[list[str]] = [[]]
    for name in recorded.names:
        parts[-1].append(name)
        if name == "selected_set":
            parts.append([])
    return parts


@pytest.mark.parametrize("name", NETWORKS)
def test_sets_come_before_products(name: str, partial: SparseTensor, truth: CoordMap):
    """What is of the inputs alone is made at once, the union of a level at its begin."""
    torch.manual_seed(0)
    network = NETWORKS[name]()
    first, *later = parts_between_prunes(network, partial, truth)
    assert len(later) == len(network.prunes)
    of_the_inputs = [place for place, one in enumerate(first) if one == "pyramid"]
    assert len(of_the_inputs) == 2 and "strided_set" not in first  # the partial scan and the truth
    assert max(of_the_inputs) < min(place for place, one in enumerate(first) if one in PRODUCTS)
    for part in later[:-1]:
        sets = [place for place, one in enumerate(part) if one in SETS]
        assert len(sets) == 1
        assert sets[0] < min(place for place, one in enumerate(part) if one in PRODUCTS)


def test_a_layer_of_consecutive_children_begins_with_its_product(partial: SparseTensor):
    """No one waits for the size of this set: a GPU works while the host makes it. A box makes one wait."""
    x = SparseTensor(torch.randn(partial.coord_map.strided(2).num_rows, 3), partial.coord_map.strided(2))
    weight = torch.randn(8, 3, 4)
    with Recorded() as free:
        F.generative_conv_transpose(x, weight)
    assert free.names.index("convolution") < free.names.index("child_keys")
    with Recorded() as boxed:
        F.generative_conv_transpose(x, weight, box=((0, 0, 0), (RESOLUTION // 2,) * 3))
    assert boxed.names.index("selected_set") < boxed.names.index("convolution")
