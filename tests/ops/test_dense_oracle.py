"""Convolutions against the oracle: every kernel, stride, dilation and phase, also at the end of the range."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ops import dense_oracle as oracle
from tests.tolerances import assert_near
from torch import Tensor

from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor

GEOMETRIES = [
    *[((k, k, k), (s, s, s), (d, d, d)) for k in range(1, 8) for s in (1, 2, 3, 4) for d in (1, 2)],
    ((3, 2, 1), (1, 2, 3), (1, 1, 2)),
    ((1, 4, 3), (2, 2, 1), (2, 1, 1)),
    ((2, 2, 1), (2, 2, 1), (1, 1, 1)),
    ((1, 2, 1), (1, 2, 1), (1, 1, 1)),
]
PHASES = ["corner", "centered"]


def voxels(seed: int, number: int, stride: tuple[int, ...], spread: int = 6) -> Tensor:
    """int32 [N, 4] unique random sites of two batch items around the origin, on the lattice of the stride."""
    generator = torch.Generator().manual_seed(seed)
    coords = torch.randint(-spread, spread, (number, 4), generator=generator, dtype=torch.int32)
    coords[:, 0] = torch.arange(number) % 2
    coords[:, 1:] *= torch.tensor(stride, dtype=torch.int32)
    return coords.unique(dim=0)[torch.randperm(coords.unique(dim=0).shape[0], generator=generator)]


def random_tensor(coords: Tensor, stride: tuple[int, ...], channels: int = 2) -> SparseTensor:
    generator = torch.Generator().manual_seed(7)
    features = torch.randn(coords.shape[0], channels, generator=generator, dtype=torch.float64)
    return SparseTensor.from_coords(features.to(coords.device), coords, stride)


def random_weight(size: tuple[int, ...], device: torch.device, cin: int = 2, cout: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(8)
    number = size[0] * size[1] * size[2]
    return torch.randn(number, cin, cout, generator=generator, dtype=torch.float64).to(device)


def times(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(p * q for p, q in zip(a, b, strict=True))


def check(y: SparseTensor, expected: oracle.Sites) -> None:
    """Exactly the expected sites, and their values."""
    rows = [tuple(row) for row in y.coords.tolist()]
    assert len(rows) == len(expected) and set(rows) == set(expected)
    values = [torch.from_numpy(expected[row]) for row in rows]
    assert_near(y.features, torch.stack(values) if values else y.features)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(("size", "factor", "dilation"), GEOMETRIES, ids=str)
def test_convolution_and_its_transpose(size, factor, dilation, phase, device) -> None:
    stride = (1, 1, 2)
    x = random_tensor(voxels(1, 50, stride).to(device), stride)
    weight = random_weight(size, device)
    y = F.conv(x, weight, None, size, factor, dilation, phase)
    kernel = oracle.offsets(size, dilation, stride, phase)
    sites = oracle.as_sites(x.coords, x.features)
    coarse = oracle.coarse_set(set(sites), times(stride, factor)) if factor != (1, 1, 1) else set(sites)
    check(y, oracle.conv(sites, coarse, kernel, weight.cpu().numpy()))

    back_weight = random_weight(size, device, cin=3, cout=2)
    back = F.conv_transpose(y, back_weight, None, size, factor, dilation, phase, target=x.coord_map)
    assert back.coord_map is x.coord_map
    coarse_sites = oracle.as_sites(y.coords, y.features)
    check(back, oracle.conv_transpose(coarse_sites, set(sites), kernel, back_weight.cpu().numpy()))


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    ("size", "factor", "dilation"), [g for g in GEOMETRIES if g[2] == (1, 1, 1)], ids=str
)
def test_generative_convolution(size, factor, dilation, phase, device) -> None:
    fine = (1, 2, 1)
    stride = times(fine, factor)
    x = random_tensor(voxels(2, 12, stride).to(device), stride)
    weight = random_weight(size, device)
    y = F.generative_conv_transpose(x, weight, None, size, factor, phase)
    assert y.stride == fine
    assert (y.coord_map.keys.diff() > 0).all()
    kernel = oracle.offsets(size, dilation, fine, phase)
    sites = oracle.as_sites(x.coords, x.features)
    targets = oracle.generated_set(set(sites), kernel)
    check(y, oracle.conv_transpose(sites, targets, kernel, weight.cpu().numpy()))


@pytest.mark.parametrize("factor", [(1, 1, 1), (2, 2, 2), (4, 4, 4)], ids=str)
@pytest.mark.parametrize("fine", [(1, 1, 1), (2, 2, 2), (3, 3, 3)], ids=str)
def test_generative_kernel_equal_to_stride_is_canonical(factor, fine, device) -> None:
    stride = times(fine, factor)
    x = random_tensor(voxels(3, 10, stride).to(device), stride)
    weight = random_weight(factor, device)
    y = F.generative_conv_transpose(x, weight, None, factor, factor)
    kernel = oracle.offsets(factor, (1, 1, 1), fine)
    sites = oracle.as_sites(x.coords, x.features)
    assert (y.coord_map.keys.diff() > 0).all()
    assert y.num_rows == x.num_rows * weight.shape[0]
    targets = oracle.generated_set(set(sites), kernel)
    check(y, oracle.conv_transpose(sites, targets, kernel, weight.cpu().numpy()))


@pytest.mark.parametrize("corner", [-32768, 32767 - 11], ids=["lowest", "highest"])
@pytest.mark.parametrize(("size", "factor"), [(3, 1), (5, 1), (2, 2), (3, 2), (4, 4)])
def test_convolution_at_the_end_of_the_range(corner, size, factor, device) -> None:
    coords = voxels(4, 50, (1, 1, 1), spread=6)
    coords[:, 1:] += 6 + corner
    x = random_tensor(coords.to(device), (1, 1, 1))
    assert x.coords[:, 1:].min() == corner or x.coords[:, 1:].max() == 32767
    weight = random_weight((size,) * 3, device)
    y = F.conv(x, weight, None, size, factor)
    kernel = oracle.offsets((size,) * 3, (1, 1, 1), (1, 1, 1))
    sites = oracle.as_sites(x.coords, x.features)
    coarse = oracle.coarse_set(set(sites), (factor,) * 3)
    check(y, oracle.conv(sites, coarse, kernel, weight.cpu().numpy()))


@pytest.mark.parametrize("size", [(1, 1, 1), (3, 3, 3), (5, 5, 5), (3, 1, 5)], ids=str)
@pytest.mark.parametrize("dilation", [1, 2])
def test_convolution_against_conv3d(size, dilation, device) -> None:
    x = random_tensor(voxels(5, 120, (1, 1, 1)).to(device), (1, 1, 1))
    weight = random_weight(size, device)
    y = F.conv(x, weight, None, size, 1, dilation)
    sites = oracle.as_sites(x.coords, x.features)
    targets = [tuple(row) for row in y.coords.tolist()]
    expected = oracle.canvas_conv(sites, targets, size, dilation, weight.cpu(), (-6, -6, -6))
    assert_near(y.features, expected)


def test_centered_generative_equals_conv_transpose3d(device) -> None:
    """Phase centered, size 4, stride 2 is torch's transposed convolution with padding 1, moved by none."""
    coords = torch.cartesian_prod(torch.arange(1), *[torch.arange(0, 8, 2)] * 3).int().to(device)
    x = random_tensor(coords, (2, 2, 2))
    weight = random_weight((4, 4, 4), device)
    y = F.generative_conv_transpose(x, weight, None, 4, 2, "centered", box=((0, 0, 0), (8, 8, 8)))
    grid = x.dense((0, 0, 0), (4, 4, 4))
    kernel = oracle.dense_weight(weight, (4, 4, 4)).transpose(0, 1)
    expected = torch.nn.functional.conv_transpose3d(grid, kernel, stride=2, padding=1)
    assert_near(y.dense((0, 0, 0), (8, 8, 8)), expected)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("size", [(1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4), (3, 2, 1)], ids=str)
def test_impulse_shows_each_weight_at_its_offset(size, phase, device) -> None:
    """One voxel of value 1 at 0: the generative layer writes W_k at off_k, `conv` reads it at -off_k."""
    coords = torch.zeros(1, 4, dtype=torch.int32, device=device)
    one = SparseTensor(torch.ones(1, 1, dtype=torch.float64, device=device), CoordMap.from_coords(coords))
    kernel = oracle.offsets(size, (1, 1, 1), (1, 1, 1), phase)
    weight = torch.arange(1.0, len(kernel) + 1, dtype=torch.float64, device=device).view(-1, 1, 1)
    y = F.generative_conv_transpose(one, weight, None, size, 1, phase)
    written = {tuple(c[1:]): v for c, v in zip(y.coords.tolist(), y.features[:, 0].tolist(), strict=True)}
    assert written == {offset: k + 1.0 for k, offset in enumerate(kernel)}
    sites = torch.tensor([[0, *(-c for c in offset)] for offset in kernel], dtype=torch.int32, device=device)
    read = F.conv(one, weight, None, size, 1, phase=phase, target=CoordMap.from_coords(sites))
    seen = {tuple(c[1:]): v for c, v in zip(read.coords.tolist(), read.features[:, 0].tolist(), strict=True)}
    assert seen == {tuple(-c for c in offset): k + 1.0 for k, offset in enumerate(kernel)}


site = st.tuples(st.integers(0, 2), *[st.integers(-9, 9)] * 3)
per_axis = st.tuples(*[st.integers(1, 3)] * 3)


@settings(max_examples=20, deadline=None)
@given(st.lists(site, unique=True, max_size=20), per_axis, per_axis, per_axis, st.sampled_from(PHASES))
def test_any_geometry(sites_drawn, size, factor, dilation, phase) -> None:
    coords = torch.tensor(sites_drawn, dtype=torch.int32).view(-1, 4)
    x, weight = random_tensor(coords, (1, 1, 1)), random_weight(size, torch.device("cpu"))
    kernel = oracle.offsets(size, dilation, (1, 1, 1), phase)
    sites = oracle.as_sites(x.coords, x.features)
    coarse = oracle.coarse_set(set(sites), factor)
    y = F.conv(x, weight, None, size, factor, dilation, phase)
    check(y, oracle.conv(sites, coarse, kernel, weight.numpy()))
    z = F.conv_transpose(y, weight.transpose(1, 2), None, size, factor, dilation, phase, target=x.coord_map)
    back = oracle.conv_transpose(
        oracle.as_sites(y.coords, y.features), set(sites), kernel, weight.transpose(1, 2).numpy()
    )
    check(z, back)
