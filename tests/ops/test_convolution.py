"""convolution and its weight gradient against one dense product an offset: values, derivatives, words."""

from collections.abc import Sequence

import pytest
import torch
from tests.ops.neighbour_tables import TABLES, tables
from tests.ops.voxel_sets import canonical, cube, sphere
from tests.tolerances import assert_near
from torch import Tensor
from torch.autograd import forward_ad

from completion import ops
from completion.ops import reference
from completion.ops.checks import FEATURE_DTYPES

SIDES = ("table", "reverse")
SMALL = "an empty batch item"
# Around the widths of a vector (4 … 16 lanes), of two and of four, and both sides odd; the last two are
# wide enough for the way of few rows.
CHANNELS = [(1, 1), (1, 16), (3, 5), (16, 1), (8, 24), (17, 33), (8, 64), (40, 65), (64, 80), (72, 67)]


def operands(
    name: str, channels: tuple[int, int], dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features, weight (scaled so that sums are of size ~1), table and reverse."""
    table, reverse = tables(name, device)
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(reverse.shape[0], channels[0], generator=generator)
    weight = torch.randn(table.shape[1], *channels, generator=generator) / (10 * channels[0]) ** 0.5
    return features.to(device, dtype), weight.to(device, dtype), table, reverse


def check_against_float64(
    name: str,
    channels: tuple[int, int],
    dtype: torch.dtype,
    device: torch.device,
    sides: Sequence[str] = SIDES,
) -> None:
    features, weight, table, reverse = operands(name, channels, dtype, device)
    leaves = [features.requires_grad_(), weight.requires_grad_()]
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    out = ops.convolution(
        *leaves,
        table if "table" in sides else None,
        reverse if "reverse" in sides else None,
        num_target=table.shape[0],
    )
    expected = reference.convolution(*exact, table, reverse)
    assert out.dtype == dtype
    assert_near(out, expected)
    grad = torch.randn_like(expected).to(dtype)
    actual, wanted = (
        torch.autograd.grad(out, leaves, grad),
        torch.autograd.grad(expected, exact, grad.double()),
    )
    for result, leaf, value in zip(actual, leaves, wanted, strict=True):
        assert result.dtype == leaf.dtype
        assert_near(result, value)


@pytest.mark.parametrize("dtype", FEATURE_DTYPES, ids=str)
@pytest.mark.parametrize("name", TABLES)
def test_tables_against_the_reference(name: str, dtype: torch.dtype, device: torch.device):
    check_against_float64(name, (3, 5), dtype, device)


@pytest.mark.parametrize("dtype", FEATURE_DTYPES, ids=str)
@pytest.mark.parametrize("channels", CHANNELS, ids=str)
def test_channels_against_the_reference(channels: tuple[int, int], dtype: torch.dtype, device: torch.device):
    check_against_float64("two sets", channels, dtype, device)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", TABLES)
def test_one_side_is_enough_on_the_cpu(name: str, side: str):
    check_against_float64(name, (3, 5), torch.float32, torch.device("cpu"), [side])


@pytest.mark.parametrize("dtype", FEATURE_DTYPES, ids=str)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("channels", CHANNELS, ids=str)
def test_channels_from_one_side(channels: tuple[int, int], side: str, dtype: torch.dtype):
    check_against_float64("two sets", channels, dtype, torch.device("cpu"), [side])


@pytest.mark.parametrize("side", SIDES)
def test_gradcheck_twice_from_one_side(side: str):
    features, weight, *both = operands(SMALL, (2, 1), torch.float64, torch.device("cpu"))
    table, reverse = (
        pairs[:, 13:15] if side == name else None for name, pairs in zip(SIDES, both, strict=True)
    )
    num_target = both[0].shape[0]
    leaves = (features.requires_grad_(), weight[13:15].clone().requires_grad_())
    assert torch.autograd.gradgradcheck(
        lambda x, w: ops.convolution(x, w, table, reverse, num_target), leaves
    )
    outer = (features, torch.randn(num_target, 1, dtype=torch.float64, requires_grad=True))
    assert torch.autograd.gradgradcheck(lambda x, g: ops.convolution_grad_weight(x, g, table, reverse), outer)


def test_targets_beyond_the_result_are_left_out():
    """A wrong num_target must not write outside of the result."""
    reverse = torch.tensor([[0], [5], [2]], dtype=torch.int32)
    out = ops.convolution(torch.ones(3, 2), torch.ones(1, 2, 3), None, reverse, num_target=3)
    assert out.tolist() == [[2.0] * 3, [0.0] * 3, [2.0] * 3]


def test_no_offsets_give_zeros(device: torch.device):
    table = torch.empty(3, 0, dtype=torch.int32, device=device)
    reverse = torch.empty(4, 0, dtype=torch.int32, device=device)
    features = torch.randn(4, 2, device=device, requires_grad=True)
    weight = torch.empty(0, 2, 5, device=device, requires_grad=True)
    out = ops.convolution(features, weight, table, reverse)
    assert torch.equal(out, torch.zeros(3, 5, device=device))
    grad_features, grad_weight = torch.autograd.grad(out.sum(), (features, weight))
    assert torch.equal(grad_features, torch.zeros_like(features))
    assert grad_weight.shape == weight.shape


def test_gradcheck_twice(device: torch.device):
    features, weight, table, reverse = operands(SMALL, (2, 1), torch.float64, device)
    table, reverse = table[:, 13:15], reverse[:, 13:15]
    leaves = (features.requires_grad_(), weight[13:15].clone().requires_grad_())
    assert torch.autograd.gradcheck(lambda x, w: ops.convolution(x, w, table, reverse), leaves)
    assert torch.autograd.gradgradcheck(lambda x, w: ops.convolution(x, w, table, reverse), leaves)
    outer = (features, torch.randn(table.shape[0], 1, dtype=torch.float64, device=device, requires_grad=True))
    assert torch.autograd.gradcheck(lambda x, g: ops.convolution_grad_weight(x, g, table, reverse), outer)
    assert torch.autograd.gradgradcheck(lambda x, g: ops.convolution_grad_weight(x, g, table, reverse), outer)


@pytest.mark.parametrize("opposite", [False, True])
@pytest.mark.parametrize("channels", [(5, 3), (16, 32), (64, 64)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_symmetric_table_needs_no_reverse(
    dtype, channels: tuple[int, int], opposite: bool, device: torch.device
):
    keys = canonical(sphere(4), device)
    table = ops.kernel_map(keys, keys, cube(3))
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(len(keys), channels[0], generator=generator).to(device, dtype).requires_grad_()
    weight = torch.randn(27, *channels, generator=generator).to(device, dtype).requires_grad_()
    helpers = (None, ops.row_order(table), None, None, None)
    short = ops.convolution(features, weight, table, None, *helpers, symmetric=True, opposite=opposite)
    turned = weight.flip(0) if opposite else weight
    long = ops.convolution(features, turned, table, table.flip(1))
    assert torch.equal(short, long)
    grad = torch.randn(long.shape, generator=generator).to(device, dtype)
    bound = 0.02 if dtype == torch.bfloat16 else 1e-5
    for one, other in zip(
        torch.autograd.grad(short, (features, weight), grad),
        torch.autograd.grad(long, (features, weight), grad),
        strict=True,
    ):
        assert (one - other).abs().max() <= bound * other.abs().max()


@pytest.mark.parametrize("opposite", [False, True])
def test_gradcheck_twice_of_a_symmetric_table(opposite: bool, device: torch.device):
    keys = canonical(sphere(1), device)
    table = ops.kernel_map(keys, keys, cube(3)[27:54])  # a plane: nine offsets, each with its opposite
    leaves = (
        torch.randn(len(keys), 2, dtype=torch.float64, device=device, requires_grad=True),
        torch.randn(9, 2, 1, dtype=torch.float64, device=device, requires_grad=True),
    )

    def layer(x: Tensor, w: Tensor) -> Tensor:
        return ops.convolution(x, w, table, None, symmetric=True, opposite=opposite)

    assert torch.autograd.gradcheck(layer, leaves) and torch.autograd.gradgradcheck(layer, leaves)


def test_non_contiguous_input(device: torch.device):
    features, weight, table, reverse = operands("a surface", (3, 5), torch.float64, device)
    expected = reference.convolution(features, weight, table, reverse)
    strided = [
        tensor.transpose(0, 1).contiguous().transpose(0, 1) for tensor in (features, weight, table, reverse)
    ]
    assert not any(tensor.is_contiguous() for tensor in strided)
    assert_near(ops.convolution(*strided), expected)
    grad = torch.randn(1, 5, dtype=torch.float64, device=device).expand(table.shape[0], 5)
    actual = ops.convolution_grad_weight(strided[0], grad, *strided[2:])
    assert_near(actual, reference.convolution_grad_weight(features, grad, table, reverse))


@pytest.mark.parametrize("channels", CHANNELS, ids=str)
@pytest.mark.parametrize("order", [(0, 2, 1), (2, 1, 0), (1, 2, 0)], ids=str)
def test_weight_in_any_layout(order: tuple[int, ...], channels: tuple[int, int], device: torch.device):
    """The same values from views of every order of strides, bit for bit."""
    features, weight, table, reverse = operands("two sets", channels, torch.float32, device)
    back = [order.index(axis) for axis in range(3)]
    view = weight.permute(order).contiguous().permute(back)
    assert torch.equal(
        ops.convolution(features, view, table, reverse), ops.convolution(features, weight, table, reverse)
    )


@pytest.mark.parametrize("channels", CHANNELS, ids=str)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_weight_of_float32_in_any_layout_beside_half_features(dtype, channels, device: torch.device):
    """Views in another order, with gaps, and of one number for all are converted to the values themselves."""
    features, weight, table, reverse = operands("two sets", channels, dtype, device)
    weight = weight.float()
    gaps = weight.repeat_interleave(2, dim=2)[:, :, ::2]
    for view in (
        weight.transpose(1, 2).contiguous().transpose(1, 2),
        gaps,
        weight[:1, :1, :1].expand_as(weight),
    ):
        expected = ops.convolution(features, view.contiguous().to(dtype), table, reverse)
        assert torch.equal(ops.convolution(features, view, table, reverse), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_weight_gradient_of_half_types_does_not_overflow(dtype: torch.dtype, device: torch.device):
    table = torch.arange(4096, dtype=torch.int32, device=device)[:, None]
    ones = torch.full((4096, 1), 8.0, dtype=dtype, device=device)
    grad = ops.convolution_grad_weight(ones, ones, table, table)
    assert grad.dtype == torch.float32
    assert grad.item() == 4096 * 64  # beyond float16


@pytest.mark.parametrize("dtype", FEATURE_DTYPES, ids=str)
@pytest.mark.parametrize("channels", [*CHANNELS, (6, 16), (16, 64), (30, 80)], ids=str)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", ["all offsets", "all offsets but some"])
def test_all_offsets(name: str, channels: tuple[int, int], side: str, dtype: torch.dtype):
    check_against_float64(name, channels, dtype, torch.device("cpu"), [side])


@pytest.mark.parametrize("channels", [16, 32, 48], ids=str)
def test_an_infinite_gradient_stays_in_its_column(channels: int, device: torch.device):
    table = torch.arange(3, dtype=torch.int32, device=device)[:, None]
    features = torch.ones(3, 2, dtype=torch.bfloat16, device=device)
    grad = torch.ones(3, channels, dtype=torch.bfloat16, device=device)
    grad[2, 1] = torch.inf  # an odd number of rows: the last one has no partner
    result = ops.convolution_grad_weight(features, grad, table, table)[0]
    expected = torch.full((2, channels), 3.0, device=device)
    expected[:, 1] = torch.inf
    assert torch.equal(result, expected)


def test_autocast_keeps_the_weight_gradient_in_float32(device: torch.device):
    features, weight, table, reverse = operands("a surface", (8, 8), torch.float32, device)
    expected = reference.convolution(features.double(), weight.double(), table, reverse)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        out = ops.convolution(features, weight.requires_grad_(), table, reverse)
    assert out.dtype == torch.bfloat16
    assert_near(out, expected)
    assert torch.autograd.grad(out.float().sum(), weight)[0].dtype == torch.float32


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_vmap_over_weights():
    features, weight, table, reverse = operands("a surface", (3, 5), torch.float64, torch.device("cpu"))
    weights = torch.stack([weight, 2 * weight, -weight]).requires_grad_()
    out = torch.func.vmap(lambda w: ops.convolution(features, w, table, reverse))(weights)
    expected = torch.stack([ops.convolution(features, w, table, reverse) for w in weights])
    assert torch.equal(out, expected)


def test_compiled_equals_eager(device: torch.device):
    features, weight, table, reverse = operands("a surface", (3, 5), torch.float32, device)
    layer = lambda x, w: ops.convolution(x, w, table, reverse).relu()  # noqa: E731
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    leaves = [features.requires_grad_(), weight.requires_grad_()]
    results = [(f(*leaves), *torch.autograd.grad(f(*leaves).sum(), leaves)) for f in (compiled, layer)]
    for actual, expected in zip(*results, strict=True):
        assert torch.equal(actual, expected)


def test_error_words(device: torch.device):
    features, weight, table, reverse = operands(SMALL, (2, 3), torch.float32, device)
    with pytest.raises(
        ValueError, match="convolution: weight must have Cin = 2 as features, got 1; pass the match"
    ):
        ops.convolution(features, weight[:, :1], table, reverse)
    with pytest.raises(
        ValueError, match="convolution: weight must have K = 27 as table, got 26; pass the match"
    ):
        ops.convolution(features, weight[1:], table, reverse)
    with pytest.raises(
        ValueError, match="convolution: reverse must have N = 3 as features, got 1; pass the match"
    ):
        ops.convolution(features, weight, table, reverse[:1])
    with pytest.raises(TypeError, match="convolution: weight must be float32, got float64; convert it first"):
        ops.convolution(features, weight.double(), table, reverse)
    with pytest.raises(
        TypeError, match="convolution: weight must be bfloat16 or float32, got float16; convert"
    ):
        ops.convolution(features.bfloat16(), weight.half(), table, reverse)
    with pytest.raises(
        TypeError, match="convolution_grad_weight: grad must be float32, got float64; convert it"
    ):
        ops.convolution_grad_weight(features, torch.zeros(3, 3, dtype=torch.float64), table, reverse)


def test_opcheck(device: torch.device):
    features, weight, table, reverse = operands(SMALL, (2, 3), torch.float32, device)
    leaves = (features.requires_grad_(), weight.requires_grad_())
    torch.library.opcheck(torch.ops.completion.convolution, (*leaves, table, reverse, table.shape[0]))
    grad = torch.randn(table.shape[0], 3, device=device, requires_grad=True)
    torch.library.opcheck(torch.ops.completion.convolution_grad_weight, (features, grad, table, reverse))


def test_forward_mode_is_refused_not_wrong(device: torch.device):
    features, weight, table, reverse = operands(SMALL, (2, 3), torch.float32, device)
    middle = (table[:, 13].contiguous(), reverse[:, 13].contiguous())
    calls = {
        "convolution": lambda x: ops.convolution(x, weight, table, reverse),
        "pool_sum": lambda x: ops.pool_sum(x, table, reverse),
        "pool_max": lambda x: ops.pool_max(x, table)[0],
        "take_rows": lambda x: ops.take_rows(x, *middle),
        "add_rows": lambda x: ops.add_rows(x, *middle, x, *middle),
    }
    for name, call in calls.items():
        with pytest.raises(
            NotImplementedError, match=f"{name}: derivatives must be taken backward, got forward"
        ):
            torch.func.jvp(call, (features,), (torch.ones_like(features),))


def test_forward_mode_over_a_backward_pass_is_refused_not_wrong(device: torch.device):
    features, weight, table, reverse = operands(SMALL, (2, 3), torch.float32, device)
    out = ops.convolution(features.requires_grad_(), weight, table, reverse)
    ones = torch.ones_like(out)
    with forward_ad.dual_level(), pytest.raises(NotImplementedError, match="convolution: derivatives must"):
        torch.autograd.grad(out, features, forward_ad.make_dual(ones, ones))
