"""torch.backends.cuda.matmul.allow_tf32: what the two modes of float32 products promise."""

import pytest
import torch
from tests.cuda.operators import operands, with_gradients
from torch import Tensor

from completion import ops

# Error relative to the result, both in the 2-norm. Float32 rounds sums of some hundred products; TF32 rounds
# every factor to 11 bits as well.
BOUNDS = {False: 1e-6, True: 2e-3}
CHANNELS = [(16, 16), (20, 36), (32, 64), (64, 32)]


def products(device: torch.device, dtype: torch.dtype, channels: tuple[int, int]) -> list[Tensor]:
    """Convolution and gradient of the weight with all their gradients, on the same numbers in any dtype."""
    given = operands(device, torch.float32, channels, radius=6)
    table, reverse = given.table, given.reverse
    x, y, weight = (one.to(dtype) for one in (given.fine, given.coarse, given.weight))
    return [
        *with_gradients(lambda x, w: ops.convolution(x, w, table, reverse), x, weight),
        *with_gradients(lambda x, y: ops.convolution_grad_weight(x, y, table, reverse), x, y),
    ]


@pytest.mark.parametrize("channels", CHANNELS)
def test_error_against_float64(gpu: torch.device, tf32: bool, channels: tuple[int, int]):
    expected = products(gpu, torch.float64, channels)
    for index, (one, exact) in enumerate(zip(products(gpu, torch.float32, channels), expected, strict=True)):
        error = ((one.double() - exact).norm() / exact.norm()).item()
        assert error <= BOUNDS[tf32], f"result {index}: {error:.2e}"


@pytest.mark.parametrize("channels", [16, 32, 64])
def test_float32_is_not_rounded_to_tf32(gpu: torch.device, channels: int):
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        given = operands(gpu, torch.float32, (channels, channels), radius=6)
        # 1 + 2^-20 times 1: float32 keeps it, the 11 bits of TF32 do not.
        x = torch.full_like(given.fine, 1 + 2**-20)
        table, reverse = given.table[:, 13:14].contiguous(), given.reverse[:, 13:14].contiguous()
        y = ops.convolution(x, torch.eye(channels, device=gpu)[None], table, reverse)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    here = table[:, 0] >= 0
    assert here.any() and (y[here] == 1 + 2**-20).all()
