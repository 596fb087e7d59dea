"""torch's dense conv3d on the whole grid: what a newcomer would do."""

import torch

from bench.inputs import Surfaces
from bench.timing import Run

MAX_ELEMENTS = 2**25  # of one feature grid: more takes minutes a case


def subm3(data: Surfaces, channels: int, dtype: torch.dtype, backward: bool, cold: bool) -> Run | None:
    """3³ convolution of every cell."""
    size = (data.batch_size, channels, *[data.resolution] * 3)
    if cold or dtype != torch.float32 or torch.Size(size).numel() > MAX_ELEMENTS:
        return None
    grid = torch.randn(size, requires_grad=True)
    weight = torch.randn(channels, channels, 3, 3, 3, requires_grad=True)
    grad = torch.randn(size)

    def run() -> object:
        out = torch.nn.functional.conv3d(grid, weight, padding=1)
        return torch.autograd.grad(out, (grid, weight), grad) if backward else out

    return run
