"""Where the host waits for the GPU: nowhere on known coordinates, once for each set that is made."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from tests.cuda.operators import on_features, operands
from tests.ops.voxel_sets import sphere
from torch import Tensor

from completion.models.decoder import DecoderLevel
from completion.models.encoder import ConvNorm
from completion.nn import Conv3d, GroupNorm, Prune, Sequential
from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor, grid_coord_map, grid_rows

CHANNELS = 16
MESSAGE = "called a synchronizing CUDA operation"

Layer = Callable[[SparseTensor], SparseTensor]


@contextmanager
def sync_debug_mode(mode: str) -> Iterator[None]:
    """torch's mode that warns of, or refuses, every wait of the host that torch itself makes."""
    torch.cuda.set_sync_debug_mode(mode)
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def count_syncs(function: Callable[[], object], capfd: pytest.CaptureFixture[str]) -> int:
    """How often the host waits while the function runs.

    torch warns through Python, or on stderr when Python is not what called it.
    """
    torch.cuda.synchronize()
    capfd.readouterr()
    with warnings.catch_warnings(record=True) as caught, sync_debug_mode("warn"):
        warnings.simplefilter("always")
        result = function()
    del result
    return sum(MESSAGE in str(one.message) for one in caught) + capfd.readouterr().err.count(MESSAGE)


def surface(device: torch.device, radius: int = 12) -> CoordMap:
    """A sphere's surface, a new set at each call, that has its coordinates decoded."""
    made = CoordMap.from_coords(sphere(radius).to(device), batch_size=1)
    assert made.coords.shape[1] == 4
    return made


def on(coord_map: CoordMap, channels: int = CHANNELS) -> SparseTensor:
    """Features that collect a gradient."""
    ones = torch.ones(coord_map.num_rows, channels, device=coord_map.device)
    return SparseTensor(ones.requires_grad_(), coord_map)


def forward_backward(layer: Layer, x: SparseTensor) -> list[Tensor]:
    """Result and gradient of the input."""
    y = layer(x).features
    return [y, *torch.autograd.grad(y, [x.features], torch.ones_like(y))]


def weights(offsets: int, device: torch.device) -> Tensor:
    return torch.ones(offsets, CHANNELS, CHANNELS, device=device)


LAYERS: dict[str, Callable[[torch.device], Layer]] = {
    "convolution": lambda device: Conv3d(CHANNELS, CHANNELS).to(device),
    "two convolutions and norms": lambda device: Sequential(
        ConvNorm(CHANNELS, CHANNELS, kernel_size=2, stride=2), ConvNorm(CHANNELS, CHANNELS)
    ).to(device),
    "there and back": lambda device: (
        lambda x: F.conv_transpose(
            F.conv(x, weights(8, device), None, 2, 2), weights(8, device), target=x.coord_map
        )
    ),
    "children by a product": lambda device: (
        lambda x: F.generative_conv_transpose(F.max_pool(x), weights(8, device), None, 2, 2)
    ),
    "children over a table": lambda device: (
        lambda x: F.generative_conv_transpose(F.max_pool(x), weights(27, device), None, 3, 2)
    ),
    "pooling": lambda device: lambda x: F.unpool(F.avg_pool(x, 3, 2), x.coord_map),
    "group norm": lambda device: GroupNorm(4, CHANNELS).to(device),
    "items": lambda device: lambda x: F.broadcast_add(x, F.global_avg_pool(x) + F.global_max_pool(x)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_on_known_coordinates_never_wait(gpu: torch.device, name: str):
    layer, x = LAYERS[name](gpu), on(surface(gpu))
    forward_backward(layer, x)  # makes coordinates and tables
    torch.cuda.synchronize()
    with sync_debug_mode("error"):
        forward_backward(layer, x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_operators_on_features_never_wait(gpu: torch.device, dtype: torch.dtype):
    given = operands(gpu, dtype, (20, 36))
    on_features(given)
    torch.cuda.synchronize()
    with sync_debug_mode("error"):
        on_features(given)


def pruned(one: CoordMap) -> CoordMap:
    return one.pruned(torch.arange(one.num_rows, device=one.device) % 3 > 0)


SETS: dict[str, tuple[Callable[[CoordMap], CoordMap], int]] = {
    "strided, a power of two": (lambda one: one.strided(2), 1),
    "pyramid": (lambda one: one.pyramid(5), 1),
    "strided, any other": (lambda one: one.strided(3), 1),
    "overlapping children": (lambda one: one.strided(2).generated(3, 2), 2),
    "children side by side": (lambda one: one.strided(2).generated(2, 2), 1),
    "pruned": (pruned, 1),
    "union": (lambda one: pruned(one).union(one.strided(2).generated(2, 2)), 3),
}


@pytest.mark.parametrize("name", SETS)
def test_a_set_waits_once(gpu: torch.device, capfd: pytest.CaptureFixture[str], name: str):
    make, expected = SETS[name]
    make(surface(gpu))  # loads kernels
    one = surface(gpu)
    assert count_syncs(lambda: make(one), capfd) == expected


def test_entry_waits_once(gpu: torch.device, capfd: pytest.CaptureFixture[str]):
    coords = sphere(12).to(gpu)
    CoordMap.from_coords(coords, batch_size=1)
    assert count_syncs(lambda: CoordMap.from_coords(coords, batch_size=1), capfd) == 1


def test_a_grid_waits_once_and_is_kept(gpu: torch.device, capfd: pytest.CaptureFixture[str]):
    def make(first: int) -> CoordMap:
        return grid_coord_map(2, (-4, first, 8), (4, 5, 6), 2, device=gpu)

    make(0)
    assert count_syncs(lambda: make(2), capfd) == 1
    assert count_syncs(lambda: make(2), capfd) == 0


def test_a_dense_grid_waits_for_voxels_outside_alone(gpu: torch.device, capfd: pytest.CaptureFixture[str]):
    x = on(surface(gpu))
    grid = x.dense((-16, -16, -16), (32, 32, 32))
    assert count_syncs(lambda: x.dense((-16, -16, -16), (32, 32, 32)), capfd) == 1
    assert count_syncs(lambda: grid_rows(grid, x.coord_map, (-16, -16, -16)), capfd) == 0


def test_a_prune_layer_waits_once(gpu: torch.device, capfd: pytest.CaptureFixture[str]):
    layer = Prune(CHANNELS, threshold=0.1).to(gpu)  # keeps all: no guard acts
    layer(on(surface(gpu)), surface(gpu))
    x, truth = on(surface(gpu)), surface(gpu)
    assert count_syncs(lambda: layer(x, truth), capfd) == 1


def test_an_encoder_level_waits_once(gpu: torch.device, capfd: pytest.CaptureFixture[str]):
    layer = LAYERS["two convolutions and norms"](gpu)
    forward_backward(layer, on(surface(gpu)))
    x = on(surface(gpu))
    assert count_syncs(lambda: forward_backward(layer, x), capfd) == 1


def test_the_sets_of_a_decoder_level_wait_once(gpu: torch.device, capfd: pytest.CaptureFixture[str]):
    """The children need no size from the GPU, the union with the encoder's rows does."""
    level = DecoderLevel(CHANNELS, CHANNELS, Prune(CHANNELS)).to(gpu)

    def inputs() -> tuple[SparseTensor, SparseTensor]:
        fine = surface(gpu)
        return on(pruned(fine.strided(2))), on(fine)

    def step(x: SparseTensor, skip: SparseTensor) -> list[Tensor]:
        y = level.candidates(x, skip).features
        return [y, *torch.autograd.grad(y, [x.features, skip.features], torch.ones_like(y))]

    step(*inputs())
    given = inputs()
    assert count_syncs(lambda: step(*given), capfd) == 1
