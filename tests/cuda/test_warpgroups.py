"""Products wide and long enough for the largest tiles, which architecture 90 multiplies by warpgroups."""

import pytest
import torch
from tests.ops.voxel_sets import sphere
from torch import Tensor

from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor, kernel_map

BOUNDS = {torch.float16: 1e-3, torch.bfloat16: 8e-3}  # one rounding of the result
# In one tile and in several, of 64, 128 and 256 columns; filled and not.
CHANNELS = [(64, 40), (64, 64), (128, 128), (72, 200), (256, 256), (264, 136)]


def expected(x: Tensor, weight: Tensor, table: Tensor) -> Tensor:
    """The convolution offset by offset."""
    result = x.new_zeros(len(table), weight.shape[2])
    for k in range(len(weight)):
        rows = (table[:, k] >= 0).nonzero()[:, 0]
        result = result.index_add(0, rows, x[table[rows, k]] @ weight[k])
    return result


def operands(rows: int, offsets: int, channels: tuple[int, int], dtype: torch.dtype, gpu: torch.device):
    """Features and weight that collect a gradient, normal numbers."""
    generator = torch.Generator().manual_seed(sum(channels))
    shapes = (rows, channels[0]), (offsets, *channels)
    made = (torch.randn(shape, generator=generator) / 8 for shape in shapes)
    return [one.to(gpu, dtype).requires_grad_() for one in made]


def linear(like: Tensor) -> Tensor:
    """A gradient from -1 to 1."""
    return torch.linspace(-1, 1, like.numel(), device=like.device).view_as(like).to(like.dtype)


def near(actual: Tensor, right: Tensor, bound: float) -> bool:
    """Whether the largest error is within the bound, relative to the largest value."""
    return bool((actual.double() - right).abs().max() <= bound * right.abs().max())


@pytest.mark.parametrize(
    ("size", "channels", "dtype"),
    [
        *((3, one, torch.float16) for one in CHANNELS),
        (3, (72, 200), torch.bfloat16),
        (5, (72, 96), torch.float16),  # its offsets are walked in several groups
    ],
)
@pytest.mark.parametrize("grown", [False, True], ids=["sub-manifold", "generative"])
def test_wide_products_are_right_and_repeat_on_cuda(gpu, grown, size, channels, dtype):
    made = CoordMap.from_coords(sphere(100).to(gpu), batch_size=1)
    source = made.strided(2) if grown else made
    target = source.generated(size, 2) if grown else source
    x, weight = operands(source.num_rows, size**3, channels, dtype, gpu)
    processors = torch.cuda.get_device_properties(gpu).multi_processor_count
    assert min(source.num_rows, target.num_rows) >= 2 * processors * 128

    def run() -> list[Tensor]:
        layer = F.generative_conv_transpose if grown else F.conv
        y = layer(SparseTensor(x, source), weight, None, size, 2 if grown else 1).features
        return [y, *torch.autograd.grad(y, (x, weight), linear(y))]

    first, second = run(), run()
    table = kernel_map(source, target, size, transposed=grown).table
    wide_x, wide_weight = (one.detach().double().requires_grad_() for one in (x, weight))
    right = expected(wide_x, wide_weight, table)
    gradients = torch.autograd.grad(right, (wide_x, wide_weight), linear(first[0]).double())
    for one, again, other in zip(first, second, [right.detach(), *gradients], strict=True):
        assert torch.equal(one, again) and near(one, other, BOUNDS[dtype])
