"""Convolutions of every kind on random voxels, kernels and strides against the oracle, with gradients.

A few cases of each here; `scripts/prove_properties` runs as many as it is told.
"""

from hypothesis import strategies as st
from tests.ops import dense_oracle as oracle
from tests.ops.property_cases import Layer, Voxels, layers, normal, proven, voxels
from tests.ops.property_checks import answer, check_layer
from torch import Tensor

from completion.nn import functional as F
from completion.sparse import SparseTensor


@proven(voxels=voxels, layer=layers)
def test_convolution(voxels: Voxels, layer: Layer, device) -> None:
    x, weight = voxels.tensor(layer.stride, layer.channels[0], device), layer.weight(device)
    sites = oracle.as_sites(x.coords, x.features)
    targets = oracle.coarse_set(set(sites), layer.coarse)

    def call(features: Tensor, weight: Tensor) -> SparseTensor:
        return F.conv(
            x.replace(features), weight, None, layer.size, layer.factor, layer.dilation, layer.phase
        )

    if answer(lambda: call(x.features, weight), targets):
        expected = oracle.conv(sites, targets, layer.offsets, weight.cpu().numpy())
        y = check_layer(call, (x.features, weight), expected)
        assert y.coord_map is x.coord_map.strided(layer.factor) and y.stride == layer.coarse


@proven(voxels=voxels, layer=layers)
def test_convolution_onto_a_given_set(voxels: Voxels, layer: Layer, device) -> None:
    x, weight = voxels.tensor(layer.stride, layer.channels[0], device), layer.weight(device)
    target = voxels.tensor(layer.coarse, 1, device, second=True).coord_map
    sites = oracle.as_sites(x.coords, x.features)
    targets = set(voxels.sites(layer.coarse, second=True))

    def call(features: Tensor, weight: Tensor) -> SparseTensor:
        return F.conv(
            x.replace(features), weight, None, layer.size, layer.factor, layer.dilation, layer.phase, target
        )

    expected = oracle.conv(sites, targets, layer.offsets, weight.cpu().numpy())
    y = check_layer(call, (x.features, weight), expected)
    assert y.coord_map is target


@proven(voxels=voxels, layer=layers, recorded=st.booleans())
def test_transposed_convolution(voxels: Voxels, layer: Layer, recorded: bool, device) -> None:
    """Onto the fine set that the coarse one was made from, or onto any other."""
    target = voxels.tensor(layer.stride, 1, device).coord_map
    targets = set(voxels.sites(layer.stride))
    coarse = voxels.tensor(layer.coarse, 1, device, second=True).coord_map
    if recorded:
        made = oracle.coarse_set(targets, layer.coarse)
        if answer(lambda: target.strided(layer.factor), made) is None:
            return
        coarse = target.strided(layer.factor)
    x = SparseTensor(normal(voxels.seed, (coarse.num_rows, layer.channels[0]), device), coarse)
    weight, sites = layer.weight(device), oracle.as_sites(x.coords, x.features)

    def call(features: Tensor, weight: Tensor) -> SparseTensor:
        return F.conv_transpose(
            x.replace(features),
            weight,
            None,
            layer.size,
            layer.factor,
            layer.dilation,
            layer.phase,
            target=target,
        )

    expected = oracle.conv_transpose(sites, targets, layer.offsets, weight.cpu().numpy())
    assert check_layer(call, (x.features, weight), expected).coord_map is target


@proven(voxels=voxels, layer=layers, ends=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_generative_convolution(voxels: Voxels, layer: Layer, ends, device) -> None:
    """With and without a box, whose corners lie at a share of the way through the sites."""
    x, weight = voxels.tensor(layer.coarse, layer.channels[0], device), layer.weight(device)
    sites = oracle.as_sites(x.coords, x.features)
    kernel = oracle.offsets(layer.size, (1, 1, 1), layer.stride, layer.phase)
    reached = oracle.generated_set(set(sites), kernel)
    box = box_through(reached, ends) if ends else None
    targets = {site for site in reached if box is None or oracle.inside(site, box)}

    def call(features: Tensor, weight: Tensor) -> SparseTensor:
        return F.generative_conv_transpose(
            x.replace(features), weight, None, layer.size, layer.factor, layer.phase, box
        )

    if answer(lambda: call(x.features, weight), reached):
        expected = oracle.conv_transpose(sites, targets, kernel, weight.cpu().numpy())
        y = check_layer(call, (x.features, weight), expected)
        assert y.stride == layer.stride and y.coord_map.num_dropped == len(reached) - len(targets)


def box_through(sites: set[oracle.Site], ends: tuple[float, float]) -> tuple[oracle.Site, oracle.Site]:
    """Box between two shares of the extent of the sites; one of no width is empty."""
    axes = list(zip(*sites, strict=True))[1:] or [(0,)] * 3
    low, high = sorted(ends)
    at = [tuple(min(a) + int(share * (max(a) - min(a))) for a in axes) for share in (low, high)]
    return at[0], at[1]


@proven(voxels=voxels, layer=layers)
def test_expanding_convolution(voxels: Voxels, layer: Layer, device) -> None:
    x, weight = voxels.tensor(layer.stride, layer.channels[0], device), layer.weight(device)
    sites = oracle.as_sites(x.coords, x.features)
    targets = oracle.expanded_set(set(sites), layer.offsets, layer.coarse)

    def call(features: Tensor, weight: Tensor) -> SparseTensor:
        return F.expanding_conv(
            x.replace(features), weight, None, layer.size, layer.factor, layer.dilation, layer.phase
        )

    if answer(lambda: call(x.features, weight), targets):
        expected = oracle.conv(sites, targets, layer.offsets, weight.cpu().numpy())
        assert check_layer(call, (x.features, weight), expected).stride == layer.coarse
