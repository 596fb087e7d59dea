"""torch.func on modules that grow and prune nothing: the gradient of each sample; and fake tensors."""

import pytest
import torch
from tests.ops.voxel_sets import random_coords
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call, grad, vmap

from completion.nn import (
    ELU,
    BatchNorm,
    Conv3d,
    GenerativeConvTranspose3d,
    GroupNorm,
    InstanceNorm,
    MaxPool3d,
    Sequential,
)
from completion.nn.functional import broadcast_add, global_avg_pool, interpolate, unpool
from completion.sparse import CoordMap, SparseTensor


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_the_gradient_of_each_sample():
    coord_map = CoordMap.from_coords(random_coords(80, -5, 5), duplicates="first")
    torch.manual_seed(0)
    samples = torch.randn(3, coord_map.num_rows, 2, dtype=torch.float64)
    net = Sequential(
        Conv3d(2, 4),
        BatchNorm(4),
        ELU(),
        GroupNorm(2, 4),
        MaxPool3d(2, 2),
        GenerativeConvTranspose3d(4, 3, 2, 2),
        GenerativeConvTranspose3d(3, 2, 3, 1),
    )
    net = net.double().eval()

    def loss(parameters: dict[str, torch.Tensor], features: torch.Tensor) -> torch.Tensor:
        x = SparseTensor(features, coord_map)
        y = functional_call(net, parameters, (x,))
        points = torch.tensor([[0, 0.5, 0.25, 1], [1, -1, 2, 0.5]], dtype=torch.float64)
        mean = broadcast_add(unpool(x, coord_map), global_avg_pool(x))
        return y.features.pow(2).sum() + interpolate(y, points).sum() * mean.features.pow(2).sum()

    parameters = dict(net.named_parameters())
    detached = {name: value.detach() for name, value in parameters.items()}
    batched = vmap(grad(loss), in_dims=(None, 0))(detached, samples)
    for index, features in enumerate(samples):
        alone = torch.autograd.grad(loss(parameters, features), list(parameters.values()))
        for name, expected in zip(parameters, alone, strict=True):
            torch.testing.assert_close(batched[name][index], expected)


def test_forward_mode_is_refused_with_a_sentence():
    coord_map = CoordMap.from_coords(random_coords(80, -5, 5), duplicates="first")

    def normed(features: torch.Tensor) -> torch.Tensor:
        return InstanceNorm(2)(SparseTensor(features, coord_map)).features

    features = torch.randn(coord_map.num_rows, 2)
    with pytest.raises(NotImplementedError, match="derivatives must be taken backward, got forward mode"):
        torch.func.jvp(normed, (features,), (features,))


def test_fake_tensors_leave_nothing_behind():
    """What is kept for a kernel serves real sets after fake ones and fake ones after real ones."""
    layer = Conv3d(2, 4, bias=False)

    def out() -> torch.Tensor:
        coord_map = CoordMap.from_coords(random_coords(80, -5, 5), duplicates="first")
        return layer(SparseTensor(torch.ones(coord_map.num_rows, 2), coord_map)).features

    def faked() -> torch.Tensor:
        keys = CoordMap.from_coords(random_coords(80, -5, 5), duplicates="first").keys
        with FakeTensorMode(allow_non_fake_inputs=False) as mode:
            weight: dict[str, torch.Tensor] = {"weight": mode.from_tensor(layer.weight)}
            x = SparseTensor(torch.ones(len(keys), 2), CoordMap(mode.from_tensor(keys), (1, 1, 1), 3))
            return functional_call(layer, weight, (x,)).features

    assert faked().shape == out().shape == faked().shape
    assert type(out()) is torch.Tensor and type(faked()) is not torch.Tensor
