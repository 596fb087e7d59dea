"""Modules: shapes, initial values, saving and copying, normalisation of few voxels, training a small net."""

import copy
import io
import pickle

import pytest
import torch
from tests.sparse.voxels import empty_map, random_features, random_map
from tests.tolerances import assert_near

from completion import nn
from completion.nn import functional as F
from completion.nn.functional import generative, products
from completion.sparse import SparseTensor

MODULES = {
    "conv": lambda: nn.Conv3d(3, 5),
    "cross": lambda: nn.Conv3d(3, 5, region="cross", bias=False),
    "strided": lambda: nn.Conv3d(3, 5, kernel_size=2, stride=2),
    "dilated": lambda: nn.Conv3d(3, 5, kernel_size=(3, 1, 3), dilation=2),
    "pointwise conv": lambda: nn.Conv3d(3, 5, kernel_size=1),
    "generative": lambda: nn.GenerativeConvTranspose3d(3, 5),
    "overlapping": lambda: nn.GenerativeConvTranspose3d(3, 5, kernel_size=4, phase="centered"),
    "max": lambda: nn.MaxPool3d(2),
    "avg": lambda: nn.AvgPool3d(3, stride=2),
    "sum": lambda: nn.SumPool3d(2),
    "norm": lambda: nn.BatchNorm(3),
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "leaky relu": nn.LeakyReLU,
    "prelu": lambda: nn.PReLU(3),
    "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
    "dropout": nn.Dropout,
    "group norm": lambda: nn.GroupNorm(1, 3),
    "instance norm": lambda: nn.InstanceNorm(3),
    "layer norm": lambda: nn.LayerNorm(3),
    "linear": lambda: nn.Linear(3, 5),
    "any module": lambda: nn.Pointwise(torch.nn.Tanh()),
    "residual": lambda: nn.ResidualBlock(3),
    "widening residual": lambda: nn.ResidualBlock(3, 5, nn.SiLU),
    "sequence": lambda: nn.Sequential(
        nn.Conv3d(3, 4, bias=False), nn.BatchNorm(4), nn.ELU(), nn.Conv3d(4, 5)
    ),
}


@pytest.mark.parametrize("name", MODULES)
def test_saved_and_copied_modules_compute_the_same(name, device) -> None:
    module = MODULES[name]().to(device).eval()
    x = random_features(random_map(0, device, stride=2), dtype=torch.float32)
    expected = module(x)
    restored = MODULES[name]().to(device).eval()
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    buffer.seek(0)
    restored.load_state_dict(torch.load(buffer, weights_only=True))
    for twin in (restored, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        y = twin(x)
        assert torch.equal(y.features, expected.features) and torch.equal(y.coords, expected.coords)


@pytest.mark.parametrize("name", MODULES)
def test_nothing_forward_and_backward(name, device) -> None:
    module = MODULES[name]().to(device).train()
    x = random_features(empty_map(device, stride=2), dtype=torch.float32)
    y = module(x)
    y.features.sum().backward()
    assert y.num_rows == 0
    assert all(p.grad is not None and not p.grad.any() for p in module.parameters())


@pytest.mark.parametrize("name", MODULES)
def test_one_voxel_in_training(name, device) -> None:
    module = MODULES[name]().to(device).train()
    one = random_map(1, device, stride=2)
    one = one.pruned(torch.arange(one.num_rows, device=device) == 0)
    y = module(random_features(one, dtype=torch.float32))
    y.features.sum().backward()
    assert y.features.isfinite().all()
    assert all(p.grad.isfinite().all() for p in module.parameters())


def test_every_module_is_in_the_table_or_has_a_test_of_its_own() -> None:
    own = {"ConvTranspose3d", "Unpool", "Interpolate", "Prune", "functional", "synchronise_batch_norm"}
    own |= {name for name in nn.__all__ if name.startswith(("Global", "Broadcast"))}
    made = {type(part).__name__ for make in MODULES.values() for part in make().modules()}
    assert set(nn.__all__) - own <= made


@pytest.mark.parametrize("name", ["Sum", "Avg", "Max"])
def test_global_pool_modules(name, device) -> None:
    x = random_features(random_map(8, device), dtype=torch.float32)
    expected = getattr(F, f"global_{name.lower()}_pool")(x)
    assert torch.equal(getattr(nn, f"Global{name}Pool")()(x), expected)


def test_modules_that_take_more_than_a_tensor(device) -> None:
    x = random_features(random_map(9, device), dtype=torch.float32)
    coarse = nn.AvgPool3d()(x)
    assert torch.equal(nn.Unpool()(coarse, x.coord_map).features, F.unpool(coarse, x.coord_map).features)
    points = x.coords.float() + 0.25
    for renormalise in (False, True):
        expected = F.interpolate(x, points, renormalise)
        assert torch.equal(nn.Interpolate(renormalise)(x, points), expected)
    row = torch.randn(x.batch_size, 3, device=device)
    for name in ("Add", "Multiply", "Cat"):
        expected = getattr(F, f"broadcast_{name.lower()}")(x, row)
        assert torch.equal(getattr(nn, f"Broadcast{name}")()(x, row).features, expected.features)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (nn.LeakyReLU(0.2), torch.nn.LeakyReLU(0.2)),
        (nn.PReLU(3, 0.1), torch.nn.PReLU(3, 0.1)),
        (nn.GELU(), torch.nn.GELU()),
        (nn.Sigmoid(), torch.nn.Sigmoid()),
        (nn.Tanh(), torch.nn.Tanh()),
        (nn.Softplus(), torch.nn.Softplus()),
        (nn.Dropout(0.5), torch.nn.Dropout(0.5)),
    ],
    ids=lambda module: type(module).__name__,
)
def test_activations_are_torchs(ours, theirs, device) -> None:
    x = random_features(random_map(10, device), dtype=torch.float32)
    torch.manual_seed(0)
    actual = ours.to(device)(x)
    torch.manual_seed(0)
    assert torch.equal(actual.features, theirs.to(device)(x.features))


def test_transposed_module_lands_on_the_recorded_set(device) -> None:
    x = random_features(random_map(2, device), dtype=torch.float32)
    down, up = nn.Conv3d(3, 4, 3, stride=2).to(device), nn.ConvTranspose3d(4, 5, 3).to(device)
    y = up(down(x), x.coord_map)
    assert y.coord_map is x.coord_map and y.num_channels == 5
    assert_near(y.features, F.conv_transpose(down(x), up.weight, up.bias, 3, 2, target=x.coord_map).features)


def test_generative_module_takes_a_box(device) -> None:
    x = random_features(random_map(3, device, stride=2), dtype=torch.float32)
    y = nn.GenerativeConvTranspose3d(3, 2).to(device)(x, box=((0, 0, 0), (4, 4, 4)))
    assert y.coord_map.num_dropped > 0 and (y.coords[:, 1:] >= 0).all()


@pytest.mark.parametrize(
    ("module", "fan_in"),
    [
        (nn.Conv3d(16, 32), 27 * 16),
        (nn.Conv3d(128, 64, kernel_size=1), 128),
        (nn.ConvTranspose3d(64, 32), 64),
        (nn.GenerativeConvTranspose3d(16, 32, kernel_size=4), 8 * 16),
    ],
)
def test_initial_weights_scale_with_what_reaches_one_voxel(module, fan_in) -> None:
    bound = fan_in**-0.5
    for parameter in (module.weight, module.bias):
        assert parameter.abs().max() <= bound
    assert abs(module.weight.std().item() * 3**0.5 / bound - 1) < 0.05


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_batch_norm_is_torchs_over_all_voxels(dtype, device) -> None:
    norm, theirs = nn.BatchNorm(3).to(device, dtype), torch.nn.BatchNorm1d(3).to(device, dtype)
    x, y = (random_features(random_map(4, device), dtype=dtype) for _ in range(2))
    factors = torch.rand(x.features.shape, generator=torch.Generator().manual_seed(0)).to(device, dtype)
    for training in (True, True, False):
        ours, expected = norm.train(training)(x).features, theirs.train(training)(y.features)
        assert_near(ours, expected)
        gradients = [  # of a sum whose gradients are not 0 but for rounding, as those of squares would be
            torch.autograd.grad((out * factors).sum(), [features, *module.parameters()])
            for out, features, module in ((ours, x.features, norm), (expected, y.features, theirs))
        ]
        for actual, wanted in zip(*gradients, strict=True):
            assert_near(actual, wanted)
    for actual, wanted in zip(norm.buffers(), theirs.buffers(), strict=True):
        assert_near(actual.to(dtype), wanted)


@pytest.mark.parametrize("name", [*MODULES])
def test_a_set_first_met_in_inference_mode_can_be_trained_on(name, device) -> None:
    module = MODULES[name]().to(device)
    x = random_features(random_map(12, device, stride=2), dtype=torch.float32)
    with torch.inference_mode():
        module(x)
    module(x).features.sum().backward()
    assert x.features.grad is not None


@pytest.mark.parametrize("number", [0, 1])
def test_batch_norm_of_too_few_voxels_uses_and_keeps_running_statistics(number, device) -> None:
    norm = nn.BatchNorm(3).to(device).train()
    norm.norm.running_mean.fill_(2.0)
    x = random_map(5, device)
    x = random_features(x.pruned(torch.arange(x.num_rows, device=device) < number), dtype=torch.float32)
    assert_near(norm(x).features, (x.features - 2) / (1 + 1e-5) ** 0.5)
    assert (norm.norm.running_mean == 2).all() and (norm.norm.running_var == 1).all()


@pytest.mark.parametrize("by_torch", [False, True])
@pytest.mark.parametrize(
    ("make", "in_channels"),
    [
        (lambda: nn.Linear(8, 1), 8),
        (lambda: nn.Linear(1, 8), 1),
        (lambda: nn.GenerativeConvTranspose3d(1, 8, 2, 2), 1),
        (lambda: nn.GenerativeConvTranspose3d(8, 1, 2, 2), 8),
        (lambda: nn.GenerativeConvTranspose3d(8, 4, 2, 2), 8),
        (lambda: nn.GenerativeConvTranspose3d(8, 1, 4, 4), 8),
    ],
)
def test_gradients_lie_as_their_weights_do(make, in_channels, by_torch, device, monkeypatch) -> None:
    """Else DistributedDataParallel warns that it must copy them. By torch's product as on a GPU, too."""
    if by_torch:
        for user in (products, generative):
            monkeypatch.setattr(user, "dense_product", lambda _, features, weight: features @ weight)
    module = make().to(device)
    x = random_features(random_map(30, device, stride=4), in_channels, torch.float32)
    module(x).features.sum().backward()
    for weight in module.parameters():
        assert weight.grad.stride() == weight.stride()


@pytest.mark.parametrize(("channels", "out_channels"), [(0, 4), (4, 0)])
def test_no_channels_give_rows_of_no_numbers_or_zeros(channels, out_channels, device) -> None:
    x = random_features(random_map(31, device, stride=2), channels)
    weight = torch.zeros(8, channels, out_channels, dtype=torch.float64, device=device)
    features = F.generative_conv_transpose(x, weight).features
    assert features.shape == (8 * x.num_rows, out_channels) and not features.any()
    none = random_features(empty_map(device, stride=2), channels)
    assert F.generative_conv_transpose(none, weight).features.shape == (0, out_channels)


def test_modules_print_what_they_are() -> None:
    assert "3, 5, kernel_size=(3, 3, 3), stride=(2, 2, 2)" in repr(nn.Conv3d(3, 5, stride=2))
    assert "kernel_size=(2, 2, 2)" in repr(nn.MaxPool3d(2))
    with pytest.raises(
        ValueError, match=r"Conv3d: kernel_size must be a positive int or three of them, got 0"
    ):
        nn.Conv3d(3, 5, kernel_size=0)


def test_a_small_net_learns_to_find_its_input(device) -> None:
    """Down, generate, classify: a few steps tell the children that were there from those that were not."""
    torch.manual_seed(0)
    truth = random_map(6, device)
    x = SparseTensor(torch.ones(truth.num_rows, 1, device=device), truth)
    down = nn.Sequential(nn.Conv3d(1, 16, 2, 2), nn.ReLU(), nn.Conv3d(16, 16), nn.ReLU()).to(device)
    up, head = nn.GenerativeConvTranspose3d(16, 16).to(device), nn.Linear(16, 1).to(device)
    parameters = [*down.parameters(), *up.parameters(), *head.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=0.05)
    for _ in range(30):
        children = up(down(x))
        target = F.target_mask(children.coord_map, truth)
        logits = head(children).features[:, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target.float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert ((logits > 0) == target).float().mean() > 0.95


OTHERS = {
    "transposed": (
        lambda: nn.ConvTranspose3d(3, 5, 3),
        lambda m, x: m(x, x.coord_map.generated(2, 2)).features,
    ),
    "prune": (lambda: nn.Prune(3, 0.4, row_budget=9), lambda m, x: m(x)[0].features),
    "global sum": (nn.GlobalSumPool, lambda m, x: m(x)),
    "global average": (nn.GlobalAvgPool, lambda m, x: m(x)),
    "global maximum": (nn.GlobalMaxPool, lambda m, x: m(x)),
    "unpool": (nn.Unpool, lambda m, x: m(x, x.coord_map.generated(2, 2)).features),
    "interpolate": (lambda: nn.Interpolate(True), lambda m, x: m(x, x.coords + 0.5)),
    "broadcast": (nn.BroadcastMultiply, lambda m, x: m(x, x.features[: x.batch_size]).features),
}


@pytest.mark.parametrize("name", OTHERS)
def test_saved_and_copied_modules_with_more_arguments_compute_the_same(name, device) -> None:
    make, call = OTHERS[name]
    module = make().to(device).eval()
    x = random_features(random_map(11, device, stride=2), dtype=torch.float32)
    restored = make().to(device).eval()
    restored.load_state_dict(module.state_dict())
    for twin in (restored, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(call(twin, x), call(module, x))
