"""Normalisation per item against torch's on each item alone: values, derivatives, half types, nothing."""

import pytest
import torch
from tests.sparse.voxels import empty_map, random_features, random_map
from tests.tolerances import assert_near
from torch import Tensor
from torch.autograd import forward_ad

from completion import nn
from completion.nn import functional as F
from completion.nn.functional.norm import batch_norm
from completion.sparse import CoordMap, SparseTensor


def items(x: SparseTensor) -> list[Tensor]:
    """Features [N, C] of each batch item."""
    return [x.features[x.coords[:, 0] == b] for b in range(x.batch_size)]


def randomised(norm: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    """Scale and offset away from one and zero."""
    for parameter in norm.parameters():
        torch.nn.init.normal_(parameter)
    return norm.to(device).double()


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_group_norm_is_torchs_on_each_item(groups, device) -> None:
    x = random_features(random_map(0, device), 6)
    norm = randomised(nn.GroupNorm(groups, 6), device)
    whole = norm(x)
    for actual, rows in zip(items(whole), items(x), strict=True):
        expected = torch.nn.functional.group_norm(rows.T[None], groups, norm.weight, norm.bias, norm.eps)
        assert_near(actual, expected[0].T)


def test_instance_norm_is_torchs_on_each_item(device) -> None:
    x = random_features(random_map(1, device), 4)
    norm = randomised(nn.InstanceNorm(4), device)
    for actual, rows in zip(items(norm(x)), items(x), strict=True):
        expected = torch.nn.functional.instance_norm(rows.T[None], weight=norm.weight, bias=norm.bias)
        assert_near(actual, expected[0].T)


def test_layer_norm_is_torchs_on_each_voxel(device) -> None:
    x = random_features(random_map(2, device), 4)
    norm = randomised(nn.LayerNorm(4), device)
    assert_near(norm(x).features, torch.nn.functional.layer_norm(x.features, (4,), *norm.module.parameters()))


def test_without_scale_and_offset(device) -> None:
    norm = nn.GroupNorm(2, 4, affine=False)
    assert not list(norm.parameters())
    x = random_features(random_map(3, device), 4)
    for rows in items(norm(x)):
        assert_near(rows[:, :2].mean(), torch.zeros((), dtype=torch.float64))
        assert abs(rows[:, :2].var(unbiased=False).item() - 1) < 1e-3


def test_both_derivatives(device) -> None:
    coord_map = random_map(4, device, number=7)
    x = random_features(coord_map, 4).features.detach().requires_grad_()
    weight, bias = (torch.randn(4, dtype=torch.float64, device=device, requires_grad=True) for _ in range(2))

    def norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.group_norm(SparseTensor(x, coord_map), 2, weight, bias).features

    assert torch.autograd.gradcheck(norm, (x, weight, bias))
    assert torch.autograd.gradgradcheck(norm, (x, weight, bias))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_types_keep_float32_statistics(dtype, device) -> None:
    """Thirty thousand values of 8 overflow a float16 sum and round away in bfloat16."""
    x = random_features(random_map(5, device, number=4000, batch_size=1), 2, torch.float64)
    shifted = x.replace((x.features.detach() * 0.5 + 8).to(dtype))
    expected = F.group_norm(shifted.to(torch.float64), 1).features
    actual = F.group_norm(shifted, 1)
    assert actual.dtype == dtype
    assert_near(actual.features, expected)


def test_one_voxel_of_an_item_becomes_the_bias(device) -> None:
    coords = torch.tensor([[0, 1, 2, 3], [2, 0, 0, 0], [2, 0, 0, 1]], dtype=torch.int32, device=device)
    x = random_features(CoordMap.from_coords(coords), 3)
    norm = randomised(nn.InstanceNorm(3), device)
    assert_near(norm(x).features[0], norm.bias)
    assert norm(x).features.isfinite().all()


def test_nothing(device) -> None:
    x = random_features(empty_map(device), 4)
    norm = nn.GroupNorm(2, 4).to(device).double()
    norm(x).features.sum().backward()
    assert norm(x).features.shape == (0, 4) and not norm.weight.grad.any()


def test_groups_must_divide() -> None:
    with pytest.raises(ValueError, match="num_groups must divide num_channels = 4, got 3; choose a divisor"):
        nn.GroupNorm(3, 4)


def test_converted_batch_norm_in_one_process_is_as_before(device) -> None:
    """Without a process group there is nothing to synchronise."""
    x = random_features(random_map(6, device), 3, torch.float32)
    plain, converted = nn.BatchNorm(3).to(device), nn.BatchNorm(3).to(device)
    converted = torch.nn.SyncBatchNorm.convert_sync_batchnorm(nn.synchronise_batch_norm(converted))
    assert isinstance(converted.norm, torch.nn.SyncBatchNorm) and converted.synchronised
    for _ in range(2):
        assert torch.equal(converted(x).features, plain(x).features)
    assert torch.equal(converted.norm.running_var, plain.norm.running_var)
    assert torch.equal(converted.eval()(x).features, plain.eval()(x).features)


def test_statistics_of_a_large_item_keep_their_digits(device) -> None:
    """A hundred thousand rows of mean 100 and deviation 0.01."""
    coords = torch.cartesian_prod(torch.arange(1), *[torch.arange(48)] * 3).int().to(device)
    generator = torch.Generator().manual_seed(0)
    values = 100 + 0.01 * torch.randn(len(coords), 2, generator=generator)
    x = SparseTensor.from_coords(values.to(device), coords)
    exact = F.group_norm(x.to(torch.float64), 2).features
    rows = x.features.T[None]
    theirs = torch.nn.functional.instance_norm(rows)[0].T
    error = (F.group_norm(x, 2).features - exact).abs().max()
    assert error <= 2 * (theirs - exact).abs().max()
    mean = F.global_avg_pool(x.replace(torch.full_like(x.features, 0.1)))
    assert_near(mean, torch.full((1, 2), 0.1, dtype=torch.float64))


ACTIVATIONS = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "another elu": lambda: nn.ELU(0.5),
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "prelu": lambda: nn.PReLU(3),
}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, torch.float64) for name in ACTIVATIONS), ("elu", torch.bfloat16), ("gelu", torch.bfloat16)],
    ids=str,
)
def test_batch_norm_with_an_activation_is_both_in_turn(name, dtype, device) -> None:
    kind = torch.float64 if dtype == torch.float64 else torch.float32
    joined = nn.BatchNorm(3, activation=ACTIVATIONS[name]).to(device, kind)
    norm, activation = nn.BatchNorm(3).to(device, kind), ACTIVATIONS[name]().to(device, kind)
    x = random_features(random_map(7, device), 3, dtype)
    for training in (True, False):
        assert_near(joined.train(training)(x).features, activation(norm.train(training)(x)).features)
    for actual, expected in zip(joined.norm.buffers(), norm.buffers(), strict=True):
        assert torch.equal(actual, expected)


def test_names_of_weights_do_not_depend_on_the_activation() -> None:
    """So that they load whether the activation is a layer of its own or not."""
    assert list(nn.BatchNorm(3, activation=nn.ELU).state_dict()) == list(nn.BatchNorm(3).state_dict())


def test_a_joined_activation_that_was_replaced_or_is_watched_is_no_longer_joined(device) -> None:
    x = random_features(random_map(8, device), 3, torch.float32)
    norm = nn.BatchNorm(3, activation=nn.ReLU).to(device)
    seen = []
    handle = norm.activation.module.register_forward_hook(lambda *parts: seen.append(parts[2]))
    assert torch.equal(norm(x).features, seen[0])
    handle.remove()
    norm.activation.forward = lambda x: x
    assert norm(x).features.min() < 0
    del norm.activation.forward
    norm.activation.module.forward = lambda features: features - 10
    assert norm(x).features.min() < -10
    norm.activation.module = torch.nn.LeakyReLU(0.5)
    assert norm(x).features.min() < 0
    norm.activation.module = torch.nn.GELU()
    assert len(seen) == 1 and -0.2 < norm(x).features.min() < 0


def test_a_residual_block_shares_what_its_activation_learns(device) -> None:
    block = nn.ResidualBlock(3, activation=nn.PReLU).to(device)
    assert [name for name in block.state_dict() if "activation" in name] == ["activation.module.weight"]
    with torch.no_grad():
        block.activation.module.weight.fill_(1)  # the identity
    x = random_features(random_map(9, device), 3, torch.float32)
    inner = block.eval().norm2(block.conv2(block.norm1(block.conv1(x))))
    assert_near(block(x).features, inner.features + x.features)


@pytest.mark.parametrize("rows", [0, 1, 40])
def test_a_batch_that_moves_the_statistics_changes_no_gradient_of_another(rows, device) -> None:
    """One norm on two levels, of which one is too small for statistics of its own, or in evaluation."""
    norm = nn.BatchNorm(3, activation=nn.SiLU).to(device, torch.float64)
    norm.norm.running_mean.fill_(2)
    norm.norm.running_var.fill_(4)
    x = random_map(10, device)
    few = random_features(x.pruned(torch.arange(x.num_rows, device=device) < rows))
    many = random_features(random_map(11, device))
    alone = torch.autograd.grad(norm.train(rows < 2)(few).features.square().sum(), few.features)
    together = norm(few).features.square().sum() + norm.train()(many).features.square().sum()
    assert torch.equal(torch.autograd.grad(together, few.features)[0], alone[0])


def test_statistics_that_move_are_seen_to_have_changed(device) -> None:
    norm = nn.BatchNorm(3).to(device)
    before = [one._version for one in norm.buffers()]
    norm(random_features(random_map(12, device), 3, torch.float32))
    assert all(one._version > version for one, version in zip(norm.buffers(), before, strict=True))


def test_without_momentum_all_batches_count_alike(device) -> None:
    """As torch's averaging of weights asks for it, which also moves statistics that are half done."""
    norm, plain = nn.BatchNorm(3).to(device), torch.nn.BatchNorm1d(3).to(device)
    norm.norm.momentum = plain.momentum = None
    for seed in range(3):
        x = random_features(random_map(20 + seed, device), 3, torch.float32)
        assert_near(norm(x).features, plain(x.features))
    assert_near(norm.norm.running_mean, plain.running_mean)
    assert_near(norm.norm.running_var, plain.running_var)
    network = torch.nn.Sequential(norm)
    torch.optim.swa_utils.update_bn([x], network, device)
    assert_near(norm.norm.running_mean, x.features.mean(dim=0))


@pytest.mark.parametrize("momentum", [0.1, None])
def test_statistics_that_are_not_tracked_stay_where_they_are(momentum, device) -> None:
    """As loops over a network's norms switch it off for a pass, here as in torch."""
    norm, plain = nn.BatchNorm(3, momentum=momentum).to(device), torch.nn.BatchNorm1d(3).to(device)
    x = random_features(random_map(13, device), 3, torch.float32)
    for one in (norm.norm, plain):
        one.track_running_stats = False
        one.running_mean.fill_(1)
    assert_near(norm(x).features, plain(x.features))
    assert torch.equal(norm.norm.running_mean, plain.running_mean)
    assert (norm.norm.running_var == 1).all() and norm.norm.num_batches_tracked == 0
    assert_near(norm.eval()(x).features, plain.eval()(x.features))


@pytest.mark.parametrize("affine", [True, False])
def test_a_norm_without_running_statistics_takes_those_of_each_batch(affine, device) -> None:
    norm = nn.BatchNorm(3, activation=nn.ELU).to(device)
    norm.norm = torch.nn.BatchNorm1d(3, affine=affine, track_running_stats=False).to(device)
    x = random_features(random_map(14, device), 3, torch.float32)
    for training in (True, False):
        expected = torch.nn.functional.elu(norm.norm.train(training)(x.features))
        assert_near(norm.train(training)(x).features, expected)
    one = x.coord_map.pruned(torch.arange(x.num_rows, device=device) < 1)
    assert norm(random_features(one, 3, torch.float32)).features.isfinite().all()


def test_torchs_replacement_of_batch_norms_serves_ensembles() -> None:
    x = random_features(random_map(15, torch.device("cpu")), 3, torch.float32)
    network = torch.func.replace_all_batch_norm_modules_(torch.nn.Sequential(nn.BatchNorm(3)))
    weights = torch.rand(2, 3)

    def scaled(weight: Tensor) -> Tensor:
        parameters = {"0.norm.weight": weight, "0.norm.bias": torch.zeros(3)}
        return torch.func.functional_call(network, parameters, x).features

    each = torch.stack([scaled(weight) for weight in weights])
    assert_near(torch.vmap(scaled)(weights), each)


def test_batch_norm_refuses_what_is_not_its_own(device) -> None:
    """Another width, an activation that it has not, forward mode (whose tangents no operator of ours takes):
    before the running statistics move.
    """
    norm = torch.nn.BatchNorm1d(3).to(device)
    with pytest.raises(RuntimeError, match=r"batch_statistics: columns must be \[800\] on the device"):
        batch_norm(torch.randn(5, 800, device=device), norm)
    with pytest.raises(ValueError, match="batch_norm: activation must be one of none, relu, elu, silu, got"):
        batch_norm(torch.randn(5, 3, device=device), norm, activation="gelu")
    with forward_ad.dual_level():
        rows = forward_ad.make_dual(torch.randn(5, 3, device=device), torch.ones(5, 3, device=device))
        with pytest.raises(NotImplementedError, match="derivatives must be taken backward"):
            batch_norm(rows, norm)
    assert norm.num_batches_tracked == 0 and not norm.running_mean.any()


def test_a_norm_trains_within_inference_mode(device) -> None:
    x = random_features(random_map(13, device), 3, torch.float32)
    outside = nn.BatchNorm(3).to(device)
    with torch.inference_mode():
        inside = nn.BatchNorm(3).to(device)
        assert torch.equal(inside(x).features, outside(x).features)
    assert torch.equal(inside.norm.running_mean, outside.norm.running_mean)
