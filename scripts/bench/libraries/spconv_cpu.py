"""spconv's CPU path (PyPI `spconv`), one thread only: with more its scatter-add races."""

import torch

from bench.inputs import Surfaces
from bench.timing import Run


def available() -> bool:
    """Whether it is installed and may run: one thread."""
    try:
        import spconv.pytorch  # noqa: F401
        import spconv.pytorch.ops as native
    except ImportError:
        return False
    native.get_current_stream = lambda: 0  # 2.3.8 asks CUDA for a stream in its CPU backward
    return torch.get_num_threads() == 1


def map3(data: Surfaces) -> Run:
    """Pairs of a 3³ kernel from unsorted coordinates."""
    import spconv.pytorch.ops as native
    from spconv.core import ConvAlgo

    shape, one, zero = [data.resolution] * 3, [1] * 3, [0] * 3
    return lambda: native.get_indice_pairs(
        data.coords, data.batch_size, shape, ConvAlgo.Native, [3] * 3, one, one, one, zero, subm=True
    )


def subm3(data: Surfaces, channels: int, dtype: torch.dtype, backward: bool, cold: bool) -> Run | None:
    """Sub-manifold 3³ convolution."""
    if dtype != torch.float32:
        return None
    import spconv.pytorch as spconv

    layer = spconv.SubMConv3d(channels, channels, 3, bias=False, indice_key="a")
    features = torch.randn(len(data.coords), channels, requires_grad=True)
    grad = torch.randn(len(data.coords), channels)

    def fresh():
        return spconv.SparseConvTensor(features, data.coords, [data.resolution] * 3, data.batch_size)

    cached = fresh()
    cached.indice_dict = layer(fresh()).indice_dict

    def run() -> object:
        out = layer(fresh() if cold else cached).features
        return torch.autograd.grad(out, (features, layer.weight), grad) if backward else out

    return run


def down_up(data: Surfaces, channels: int, dtype: torch.dtype) -> Run | None:
    """k2 s2 down to twice the channels and generative k2 s2 up again, cold, forward and backward."""
    if dtype != torch.float32:
        return None
    import spconv.pytorch as spconv

    down = spconv.SparseConv3d(channels, 2 * channels, 2, 2, bias=False)
    up = spconv.SparseConvTranspose3d(2 * channels, channels, 2, 2, bias=False)
    features = torch.randn(len(data.coords), channels, requires_grad=True)

    def run() -> object:
        x = spconv.SparseConvTensor(features, data.coords, [data.resolution] * 3, data.batch_size)
        return torch.autograd.grad(up(down(x)).features.sum(), (features, down.weight, up.weight))

    return run


def generative(data: Surfaces, size: int, channels: int, dtype: torch.dtype) -> Run | None:
    """Overlapping transposed convolution size³ s2 from the surfaces' halved cells, forward and backward."""
    if dtype != torch.float32:
        return None
    import spconv.pytorch as spconv

    coords = data.coords.clone()
    coords[:, 1:] //= 2
    coords = coords.unique(dim=0)
    coords = coords[torch.randperm(len(coords))].contiguous()
    padding = 1
    layer = spconv.SparseConvTranspose3d(channels, channels, size, 2, padding=padding, bias=False)
    features = torch.randn(len(coords), channels, requires_grad=True)

    def run() -> object:
        x = spconv.SparseConvTensor(features, coords, [data.resolution // 2] * 3, data.batch_size)
        return torch.autograd.grad(layer(x).features.sum(), (features, layer.weight))

    return run
