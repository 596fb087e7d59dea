"""torch.compile: a decoder level on given coordinates is one graph; a network breaks where sets are made."""

import copy
from collections.abc import Iterator

import pytest
import torch
from tests.sparse.voxels import random_features, random_map
from tests.tolerances import assert_near
from torch._dynamo.utils import counters

from completion.models import CompletionNet
from completion.models.decoder import DecoderLevel
from completion.nn import functional as F
from completion.nn.prune import Prune
from completion.sparse import CoordMap, SparseTensor


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    """No code, count or limit of another test."""
    torch._dynamo.reset()
    counters.clear()
    with torch._dynamo.config.patch(recompile_limit=64):
        yield
    torch._dynamo.reset()


def level_inputs(seed: int, device: torch.device) -> tuple[SparseTensor, SparseTensor]:
    """A coarse tensor and an encoder's tensor at half its stride, on related but different sets."""
    fine = random_map(seed, device, number=40 + 9 * seed)
    coarse = fine.strided(2)
    coarse = coarse.pruned(torch.arange(coarse.num_rows, device=device) % 3 > 0)
    return random_features(coarse, 6, torch.float32), random_features(fine, 4, torch.float32)


def test_decoder_level_on_given_coordinates_is_one_graph(device) -> None:
    """The same code serves every hierarchy of the same kind: compiled twice, fixed sizes and free ones."""
    torch.manual_seed(0)
    level = DecoderLevel(6, 4, Prune(4)).to(device)
    compiled = torch.compile(copy.deepcopy(level).candidates, fullgraph=True, backend="aot_eager")
    for seed in range(5):
        x, skip = level_inputs(seed, device)
        expected = level.candidates(x, skip)  # makes the coordinates, and keeps them alive
        actual = compiled(x, skip)
        assert actual.coord_map is expected.coord_map
        assert_near(actual.features, expected.features)
        for one, other in zip(gradients(actual, x, skip), gradients(expected, x, skip), strict=True):
            assert_near(one, other)
    assert counters["stats"]["unique_graphs"] == 2 and not counters["graph_break"]


def gradients(y: SparseTensor, *inputs: SparseTensor) -> tuple[torch.Tensor, ...]:
    return torch.autograd.grad(y.features.square().sum(), [x.features for x in inputs])


def batch(seed: int, device: torch.device) -> tuple[SparseTensor, CoordMap]:
    """Some voxels of two items in a grid of 16³, and more of them as truth."""
    generator = torch.Generator().manual_seed(seed)
    space = torch.randint(0, 16, (100 + 13 * seed, 3), generator=generator)
    coords = torch.cat([torch.arange(len(space))[:, None] % 2, space], dim=1).int().unique(dim=0).to(device)
    partial = CoordMap.from_coords(coords[coords[:, 3] < 12], batch_size=2)
    x = SparseTensor(torch.ones(partial.num_rows, 1, device=device), partial)
    return x, CoordMap.from_coords(coords, batch_size=2)


def test_network_breaks_only_where_coordinates_are_made(device) -> None:
    torch.manual_seed(0)
    net = CompletionNet(16, channels=(4, 6, 8), thresholds=(0.3, 0.4, 0.5), dense_blocks=1).to(device)
    twin = copy.deepcopy(net)
    compiled = torch.compile(twin, backend="aot_eager")
    for seed in range(3):
        graphs = counters["stats"]["unique_graphs"]
        x, truth = batch(seed, device)
        actual, expected = compiled(x, truth), net(x, truth)
        assert torch.equal(actual.coord_map.keys, expected.coord_map.keys)
        assert_near(actual.logits, expected.logits)
        for network, result in ((twin, actual), (net, expected)):
            network.zero_grad()
            sum(level.logits.square().mean() for level in result.levels).backward()
        for one, other in zip(twin.parameters(), net.parameters(), strict=True):
            assert_near(one.grad, other.grad)
    assert counters["stats"]["unique_graphs"] == graphs, "the third batch needs no new code"
    reasons = list(counters["graph_break"])
    assert reasons and all("makes coordinates" in reason for reason in reasons), reasons


def other_operations(x: SparseTensor, points: torch.Tensor) -> list[torch.Tensor]:
    """What CompletionNet does not use, on sets that are made on the way."""
    pooled = F.max_pool(x), F.avg_pool(x, 3, 2), F.sum_pool(x, 3, 1)
    back = F.unpool(pooled[0], x.coord_map)
    grown = F.generative_conv_transpose(pooled[0], torch.ones(27, 4, 4).to(x.device), None, 3, 2)
    boxed = F.generative_conv_transpose(
        pooled[0], torch.ones(8, 4, 4).to(x.device), box=((-4, -4, -4), (4, 4, 4))
    )
    wide = F.expanding_conv(x, torch.ones(27, 4, 2).to(x.device))
    joined = [F.multiply(x, grown, on="intersection"), F.cat(grown, boxed, on="union", fill=1.0)]
    spread = F.broadcast_multiply(F.group_norm(x, 2), F.global_avg_pool(x) + F.global_max_pool(x))
    sparse = [*pooled, back, grown, boxed, wide, *joined, spread]
    return [*(y.features for y in sparse), F.interpolate(x, points, renormalise=True)]


def test_every_other_operation_breaks_only_there(device) -> None:
    compiled = torch.compile(other_operations, backend="aot_eager")
    for seed in range(2):
        x = random_features(random_map(seed, device, number=50 + seed), 4, torch.float32)
        twin = SparseTensor(
            x.features.detach().requires_grad_(), CoordMap.from_coords(x.coords, batch_size=2)
        )
        points = x.coords.float() + 0.3
        actual, expected = compiled(twin, points), other_operations(x, points)
        for one, other in zip(actual, expected, strict=True):
            assert_near(one, other)
        sum(y.square().mean() for y in actual).backward()
        sum(y.square().mean() for y in expected).backward()
        assert_near(twin.features.grad, x.features.grad)
    reasons = [reason for reason in counters["graph_break"] if "makes coordinates" not in reason]
    assert not reasons, reasons


def test_a_set_first_met_by_compiled_inference_can_be_trained_on(device) -> None:
    """What is made between compiled graphs in inference mode is kept with the set: a training needs it."""
    weight = torch.randn(27, 4, 4, device=device)
    compiled = torch.compile(lambda x: F.conv(x, weight), backend="aot_eager")
    x = random_features(random_map(1, device), 4, torch.float32)
    with torch.inference_mode():
        compiled(x.detach())
    weight.requires_grad_()
    F.conv(x, weight).features.sum().backward()
    assert weight.grad is not None and weight.grad.abs().sum() > 0
