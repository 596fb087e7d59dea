"""Convolution functions: derivatives, adjointness, invariances, set identity, dtypes, refusals, nothing."""

import pytest
import torch
from tests.sparse.voxels import empty_map, random_coords, random_features, random_map, rows
from tests.tolerances import assert_near
from torch import Tensor

from completion.nn import functional as F
from completion.ops import reference
from completion.sparse import CoordMap, SparseTensor, kernel_map

HALF = [torch.bfloat16, torch.float16]


def weights(kernel: int, device, cin: int = 3, cout: int = 2, dtype=torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(kernel**3, cin, cout, generator=generator, dtype=torch.float64)
    return values.to(device, dtype).requires_grad_()


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (2, 1), (3, 1), (2, 2), (3, 2)])
def test_both_derivatives(size, stride, device) -> None:
    coord_map = random_map(0, device, number=6)
    x, weight = random_features(coord_map, 2).features.detach().requires_grad_(), weights(size, device, 2, 1)
    bias = torch.randn(1, dtype=torch.float64, device=device, requires_grad=True)

    def down(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.conv(SparseTensor(features, coord_map), weight, bias, size, stride).features

    assert torch.autograd.gradcheck(down, (x, weight, bias))
    assert torch.autograd.gradgradcheck(down, (x, weight, bias), fast_mode=True)
    coarse = coord_map.strided(stride)
    y = random_features(coarse, 2).features.detach().requires_grad_()

    def up(features: Tensor, weight: Tensor) -> Tensor:
        return F.conv_transpose(
            SparseTensor(features, coarse), weight, None, size, stride, target=coord_map
        ).features

    assert torch.autograd.gradcheck(up, (y, weight))


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (1, 1)])
def test_derivatives_of_the_generative_convolution(size, stride, device) -> None:
    coord_map = random_map(1, device, number=3, stride=2)
    x, weight = random_features(coord_map, 2).features.detach().requires_grad_(), weights(size, device, 2, 1)
    box = ((-4, -4, -4), (6, 6, 6))

    def generate(features: Tensor, weight: Tensor) -> Tensor:
        return F.generative_conv_transpose(
            SparseTensor(features, coord_map), weight, None, size, stride, box=box
        ).features

    assert torch.autograd.gradcheck(generate, (x, weight))
    assert torch.autograd.gradgradcheck(generate, (x, weight), fast_mode=True)


@pytest.mark.parametrize("phase", ["corner", "centered"])
@pytest.mark.parametrize(
    ("size", "stride", "dilation"), [(2, 2, 1), (3, 2, 1), (4, 2, 1), (3, 1, 2), (3, 3, 1)]
)
def test_transposed_is_the_adjoint(size, stride, dilation, phase, device) -> None:
    """⟨A x, y⟩ = ⟨x, Aᵀ y⟩ with the weights of Aᵀ transposed."""
    x = random_features(random_map(2, device), 3)
    weight = weights(size, device)
    ax = F.conv(x, weight, None, size, stride, dilation, phase)
    y = random_features(ax.coord_map, 2, seed=5)
    aty = F.conv_transpose(y, weight.transpose(1, 2), None, size, stride, dilation, phase, target=x.coord_map)
    assert_near((ax.features * y.features).sum(), (x.features * aty.features).sum())


@pytest.mark.parametrize("size", [2, 4])
def test_down_then_up_by_kernel_equal_to_stride_reaches_the_recorded_voxels(size, device) -> None:
    x = random_features(random_map(3, device), 1)
    ones = torch.ones(size**3, 1, 1, dtype=torch.float64, device=device)
    coarse = F.conv(x.replace(torch.ones_like(x.features)), ones, None, size, size)
    back = F.conv_transpose(coarse, ones, None, size, size, target=x.coord_map)
    made = F.generative_conv_transpose(coarse, ones, None, size, size)
    assert back.coord_map is x.coord_map
    assert (back.features >= 1).all(), "every recorded voxel is reached"
    assert made.coord_map.contains(x.coord_map).all()
    assert torch.equal(F.take(made, x.coord_map).features, back.features)


def test_degree_of_all_ones(device) -> None:
    x = random_features(random_map(4, device), 1)
    ones = x.replace(torch.ones_like(x.features))
    degree = F.conv(ones, torch.ones(27, 1, 1, dtype=torch.float64, device=device)).features[:, 0]
    assert torch.equal(degree.int(), kernel_map(x.coord_map, x.coord_map, 3).num_neighbours)


def test_translation_batch_and_input_order_change_nothing(device) -> None:
    coords = random_coords(5).to(device)
    features = torch.randn(coords.shape[0], 3, dtype=torch.float64, device=device)
    weight = weights(3, device)
    whole = F.conv(SparseTensor.from_coords(features, coords), weight)

    moved = coords + torch.tensor([0, 64, -32, 16], dtype=torch.int32, device=device)
    other = F.conv(SparseTensor.from_coords(features.flip(0), moved.flip(0)), weight)
    assert torch.equal(by_site(whole), by_site(other))

    single = coords[:, 0] == 1
    alone = F.conv(SparseTensor.from_coords(features[single], coords[single]), weight)
    assert torch.equal(alone.features, whole.features[whole.coords[:, 0] == 1])


def by_site(x: SparseTensor) -> Tensor:
    """Features sorted by their own coordinate, which a translation does not reorder."""
    order = sorted(range(x.num_rows), key=lambda i: rows(x.coord_map)[i])
    return x.features[torch.tensor(order, device=x.device)]


def test_stride_one_stays_on_the_same_set_and_strided_sets_are_shared(device) -> None:
    x = random_features(random_map(6, device))
    assert F.conv(x, weights(3, device)).coord_map is x.coord_map
    assert F.conv(x, weights(1, device), kernel_size=1).coord_map is x.coord_map
    one, two = F.conv(x, weights(2, device), None, 2, 2), F.conv(x, weights(3, device), None, 3, 2)
    assert one.coord_map is two.coord_map is x.coord_map.strided(2)


def test_convolution_onto_a_given_set_keeps_its_stride(device) -> None:
    x = random_features(random_map(7, device, stride=2))
    target = random_map(8, device, stride=2)
    assert F.conv(x, weights(3, device), target=target).stride == (2, 2, 2)
    assert F.conv(x, weights(3, device), target=target).coord_map is target


def test_bias_alone_where_nothing_is_reached(device) -> None:
    coords = torch.tensor([[0, 3, 3, 3]], dtype=torch.int32, device=device)
    x = SparseTensor(torch.ones(1, 3, dtype=torch.float64, device=device), CoordMap.from_coords(coords))
    bias = torch.tensor([5.0, -1.0], dtype=torch.float64, device=device)
    y = F.conv(x, weights(1, device), bias, 1, 2)
    assert y.coords.tolist() == [[0, 2, 2, 2]] and y.features.tolist() == [[5.0, -1.0]]


def test_box_drops_and_reports(device) -> None:
    x = random_features(random_map(9, device, stride=2))
    for size in (2, 3):
        weight = weights(size, device)
        full = F.generative_conv_transpose(x, weight, None, size, 2)
        boxed = F.generative_conv_transpose(x, weight, None, size, 2, box=((-3, -3, -3), (5, 5, 5)))
        inside = full.coord_map.inside(((-3, -3, -3), (5, 5, 5)))
        assert torch.equal(boxed.coords, full.coords[inside])
        assert_near(boxed.features, full.features[inside])
        assert boxed.coord_map.num_dropped == int((~inside).sum()) > 0


def test_errors_name_argument_value_and_remedy(device) -> None:
    x = random_features(random_map(10, device))
    with pytest.raises(
        ValueError, match=r"conv: weight must be \[27, 3, Cout\], got \[8, 3, 2\]; its first axis"
    ):
        F.conv(x, weights(2, device))
    with pytest.raises(ValueError, match=r"conv_transpose: weight must be \[8, 3, Cout\], got \[8, 4, 2\]"):
        F.conv_transpose(x, weights(2, device, cin=4), stride=1, target=x.coord_map)
    with pytest.raises(ValueError, match=r"conv: target must be of stride \(1, 1, 1\), got \(2, 2, 2\)"):
        F.conv(x, weights(3, device), target=x.coord_map.strided(2))
    with pytest.raises(
        ValueError, match=r"conv_transpose: stride must divide the tensor's stride \(1, 1, 1\), got"
    ):
        F.conv_transpose(x, weights(2, device), target=x.coord_map)
    for size in (2, 3):
        with pytest.raises(
            ValueError, match=r"generative_conv_transpose: stride must divide the tensor's stride"
        ):
            F.generative_conv_transpose(x, weights(size, device), None, size, 2)
    with pytest.raises(
        ValueError, match=r"generative_conv_transpose: weight must be \[27, 3, Cout\], got \[8, 3, 2\]"
    ):
        F.generative_conv_transpose(x, weights(2, device), None, 3, 1)
    with pytest.raises(ValueError, match=r"conv: dilation must be a positive int or three of them, got 0"):
        F.conv(x, weights(3, device), dilation=0)


@pytest.mark.parametrize("size", [1, 3])
def test_unlike_dtypes_are_refused(size, device) -> None:
    x = random_features(random_map(11, device), dtype=torch.float32)
    with pytest.raises(TypeError, match=r"float64|float32"):
        F.conv(x, weights(size, device), None, size)


@pytest.mark.parametrize("dtype", HALF)
def test_half_precision_errs_at_most_twice_as_much_as_torch(dtype, device) -> None:
    x = random_features(random_map(12, device), 16, dtype)
    weight = weights(3, device, 16, 8, dtype)
    exact = F.conv(x.to(torch.float64), weight.double()).features
    table = kernel_map(x.coord_map, x.coord_map, 3).table.long()
    padded = torch.cat([x.features, x.features.new_zeros(1, 16)])
    by_torch = padded[table].flatten(1) @ weight.flatten(0, 1)
    error = (F.conv(x, weight).features.double() - exact).abs().max()
    assert error <= 2 * (by_torch.double() - exact).abs().max()


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (3, 1), (2, 2)])
def test_autocast_gives_bfloat16_and_float32_weight_gradients(size, stride, device) -> None:
    x = random_features(random_map(13, device), dtype=torch.float32)
    weight = weights(size, device, dtype=torch.float32)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        y = F.conv(x, weight, None, size, stride)
    assert y.dtype == torch.bfloat16
    assert_near(y.features, F.conv(x.to(torch.float64), weight.double(), None, size, stride).features)
    y.features.sum().backward()
    assert weight.grad.dtype == x.features.grad.dtype == torch.float32


def test_more_children_than_rows_can_number_are_refused_before_the_product(device) -> None:
    keys, features = torch.zeros(1, dtype=torch.int64), torch.zeros(1, 3)  # one row seen 2^28 times
    coord_map = CoordMap(keys.to(device).expand(2**28), (2, 2, 2), 1)
    x = SparseTensor(features.to(device).expand(2**28, 3), coord_map)
    with pytest.raises(ValueError, match=r"x must have fewer than 2\^31 / K = 268435456 voxels, got "):
        F.generative_conv_transpose(x, weights(2, device, dtype=torch.float32))


def test_autocast_of_the_generative_convolution(device) -> None:
    x = random_features(random_map(14, device, stride=2), dtype=torch.float32)
    for size in (2, 3):
        weight = weights(size, device, dtype=torch.float32)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            assert F.generative_conv_transpose(x, weight, None, size, 2).dtype == torch.bfloat16


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (2, 1), (3, 1), (2, 2), (3, 2), (5, 1)])
def test_no_voxel_forward_and_backward(size, stride, device) -> None:
    x = random_features(empty_map(device, stride=stride))
    weight, bias = (
        weights(size, device),
        torch.zeros(2, dtype=torch.float64, device=device, requires_grad=True),
    )
    outputs = [
        F.conv(x, weight, bias, size, stride),
        F.conv(x, weight, bias, size, target=empty_map(device, stride)),
        F.generative_conv_transpose(x, weight, bias, size, stride),
        F.expanding_conv(x, weight, bias, size, stride),
    ]
    sum(y.features.sum() for y in outputs).backward()
    assert all(y.features.shape == (0, 2) for y in outputs)
    assert not weight.grad.any() and x.features.grad.shape == (0, 3)


def test_empty_source_onto_a_set_with_voxels(device) -> None:
    none, some = random_features(empty_map(device)), random_map(15, device)
    bias = torch.ones(2, dtype=torch.float64, device=device)
    y = F.conv(none, weights(3, device), bias, target=some)
    assert torch.equal(y.features, torch.ones_like(y.features))
    up = F.conv_transpose(random_features(empty_map(device, 2)), weights(2, device), bias, target=some)
    assert torch.equal(up.features, torch.ones_like(up.features))


def test_convolution_equals_its_toeplitz_matrix(device) -> None:
    """The unrolled matrix of a layer times the features, and its transpose for the transposed layer."""
    fine = random_map(16, device, number=12)
    weight = weights(3, device, 1, 1)
    coarse = fine.strided(2)
    eye = torch.eye(fine.num_rows, dtype=torch.float64, device=device)
    columns = [F.conv(SparseTensor(column[:, None], fine), weight, None, 3, 2).features for column in eye]
    matrix = torch.cat(columns, dim=1)
    x, y = random_features(fine, 1), random_features(coarse, 1)
    assert_near(F.conv(x, weight, None, 3, 2).features, matrix @ x.features)
    assert_near(F.conv_transpose(y, weight, None, 3, 2, target=fine).features, matrix.T @ y.features)


def test_native_and_reference_agree_on_a_layer(device) -> None:
    x, weight = random_features(random_map(17, device)), weights(5, device)
    pairs = kernel_map(x.coord_map, x.coord_map, 5)
    expected = reference.convolution(x.features, weight, pairs.table, pairs.reverse)
    assert_near(F.conv(x, weight, None, 5).features, expected)


def test_layers_on_given_coordinates_compile_into_one_graph(device) -> None:
    """Traced without a graph break, forward and backward, and equal to eager."""
    fine = random_map(18, device)
    same, down = kernel_map(fine, fine, 3), kernel_map(fine, fine.strided(2), 2)
    first, second = weights(3, device), weights(2, device, cin=2)

    def net(features: Tensor) -> Tensor:
        return F.apply_map(down, torch.relu(F.apply_map(same, features, first)), second)

    x = random_features(fine).features
    expected = net(x)
    (expected_grad,) = torch.autograd.grad(expected.sum(), x)
    actual = torch.compile(net, fullgraph=True, backend="aot_eager")(x)
    (actual_grad,) = torch.autograd.grad(actual.sum(), x)
    assert_near(actual, expected)
    assert_near(actual_grad, expected_grad)
