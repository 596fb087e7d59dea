"""Cross-shaped and dilated kernels of every convolution against the oracle."""

import pytest
import torch
from tests.ops import dense_oracle as oracle
from tests.ops.test_dense_oracle import check, random_tensor, voxels

from completion import nn
from completion.nn import functional as F

Site = tuple[int, ...]


def cross(size: int, dilation: int, stride: Site) -> list[Site]:
    """Centre, then per axis +1…+r, -r…-1."""
    r = size // 2
    sites = [(0, 0, 0)]
    for axis in range(3):
        for i in [*range(1, r + 1), *range(-r, 0)]:
            sites.append(tuple(i * dilation * stride[axis] if other == axis else 0 for other in range(3)))
    return sites


@pytest.fixture
def weight(device):
    generator = torch.Generator().manual_seed(3)
    return lambda number: torch.randn(number, 2, 3, generator=generator, dtype=torch.float64).to(device)


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_cross(size, dilation, device, weight) -> None:
    stride, factor = (2, 2, 4), (2, 1, 2)
    x = random_tensor(voxels(4, 50, stride).to(device), stride)
    sites = oracle.as_sites(x.coords, x.features)
    w = weight(3 * size - 2)
    values = w.cpu().numpy()
    kernel = cross(size, dilation, stride)
    y = F.conv(x, w, None, size, 1, dilation, region="cross")
    check(y, oracle.conv(sites, set(sites), kernel, values))

    y = F.expanding_conv(x, w, None, size, 1, dilation, region="cross")
    check(y, oracle.conv(sites, oracle.generated_set(set(sites), kernel), kernel, values))

    fine = tuple(t // s for t, s in zip(stride, factor, strict=True))
    kernel = cross(size, dilation, fine)
    y = F.generative_conv_transpose(x, w, None, size, factor, dilation=dilation, region="cross")
    check(y, oracle.conv_transpose(sites, oracle.generated_set(set(sites), kernel), kernel, values))

    back = F.conv_transpose(x, w, None, size, factor, dilation, target=y.coord_map, region="cross")
    check(back, oracle.conv_transpose(sites, oracle.generated_set(set(sites), kernel), kernel, values))


@pytest.mark.parametrize("phase", ["corner", "centered"])
@pytest.mark.parametrize(("size", "factor"), [(2, 2), (4, 4), (4, 2), (3, 2), (2, 1)])
def test_dilated_generative(size, factor, phase, device, weight) -> None:
    """Also where kernel size equals stride: dilated children are not consecutive."""
    x = random_tensor(voxels(5, 30, (factor,) * 3).to(device), (factor,) * 3)
    w = weight(size**3)
    sites = oracle.as_sites(x.coords, x.features)
    kernel = oracle.offsets((size,) * 3, (2, 2, 2), (1, 1, 1), phase)
    y = F.generative_conv_transpose(x, w, None, size, factor, phase, dilation=2)
    check(y, oracle.conv_transpose(sites, oracle.generated_set(set(sites), kernel), kernel, w.cpu().numpy()))


def test_modules_pass_their_numbers_on(device) -> None:
    x = random_tensor(voxels(6, 40, (2, 2, 2)).to(device), (2, 2, 2))
    for region, dilation in (("cross", 1), ("cube", 2)):
        layer = nn.GenerativeConvTranspose3d(2, 3, 3, 2, dilation, region=region).double().to(device)
        y = layer(x)
        expected = F.generative_conv_transpose(
            x, layer.weight, layer.bias, 3, 2, dilation=dilation, region=region
        )
        assert y.coord_map is expected.coord_map and torch.equal(y.features, expected.features)
        back = nn.ConvTranspose3d(2, 3, 3, 2, dilation, region=region).double().to(device)
        back.load_state_dict(layer.state_dict())
        assert torch.equal(back(x, y.coord_map).features, y.features)
