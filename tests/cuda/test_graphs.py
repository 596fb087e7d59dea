"""A decoder level on fixed coordinates as one CUDA graph: replayed on new features it gives eager's bits."""

from collections.abc import Callable

import pytest
import torch
from tests.ops.voxel_sets import same_bits, sphere
from torch import Tensor

from completion.nn import BatchNorm, Conv3d, GenerativeConvTranspose3d, ReLU, Sequential
from completion.sparse import CoordMap, SparseTensor


def level(kernel_size: int, device: torch.device) -> Sequential:
    """The children of each voxel, by one dense product or, with overlapping kernels, over a table."""
    torch.manual_seed(0)
    return Sequential(
        GenerativeConvTranspose3d(32, 16, kernel_size, stride=2), Conv3d(16, 16), BatchNorm(16), ReLU()
    ).to(device)


def capture(step: Callable[[Tensor], list[Tensor]], x: Tensor) -> tuple[torch.cuda.CUDAGraph, list[Tensor]]:
    """Graph of the step on x, and the tensors that a replay writes, as torch's pages make one."""
    stream = torch.cuda.Stream(x.device)
    stream.wait_stream(torch.cuda.current_stream(x.device))
    with torch.cuda.stream(stream):
        for _ in range(3):
            step(x)
    torch.cuda.current_stream(x.device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = step(x)
    return graph, results


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kernel_size", [2, 3])
def test_replay_on_new_features_equals_eager(gpu: torch.device, kernel_size: int, dtype: torch.dtype):
    layers = level(kernel_size, gpu)
    coarse = CoordMap.from_coords((2 * sphere(12)).to(gpu), stride=2, batch_size=1)
    parameters = list(layers.parameters())

    def step(x: Tensor) -> list[Tensor]:
        """Result and gradients; the coordinates are made by the first call alone."""
        y = layers(SparseTensor(x, coarse)).features
        return [y.detach(), *torch.autograd.grad(y, [x, *parameters], y.detach().square())]

    generator = torch.Generator().manual_seed(1)
    inputs = [torch.randn(coarse.num_rows, 32, generator=generator).to(gpu, dtype) for _ in range(4)]
    static = inputs[0].clone().requires_grad_()
    graph, results = capture(step, static)
    for values in inputs[1:]:
        with torch.no_grad():
            static.copy_(values)
        graph.replay()
        same_bits(results, step(values.clone().requires_grad_()))
