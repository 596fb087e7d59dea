"""spconv's CUDA kernels: float16, float32 and TF32; bfloat16 it has none for and gets float16 instead.

Coordinates, features and weights are given as it wants them before the clock starts. Without padding, its
transposed convolutions reach as many sites as ours, for even kernels the same and for odd ones moved by one.
"""

import os
from pathlib import Path
from typing import Any

import torch

from bench.inputs import Surfaces
from bench.timing import Run


def available() -> bool:
    """Whether it is installed with CUDA."""
    try:
        import spconv.pytorch  # noqa: F401
        from spconv.cppconstants import CPU_ONLY_BUILD
    except ImportError:
        return False
    return not CPU_ONLY_BUILD


def serve_compiler() -> None:
    """Gives the compiler of its run-time kernels the headers in $CUDA12_INCLUDE, where they are.

    By itself it reads those of the CUDA that is installed, and those of version 13 it cannot.
    """
    import cumm.common

    include = Path(os.environ.get("CUDA12_INCLUDE", ""))
    if (include / "cuda_fp16.h").is_file():
        cumm.common._CACHED_CUDA_INCLUDE_LIB = ([include], include)


def forget_tuning() -> None:
    """Lets it choose its kernels anew: it remembers by type and channels alone, not by TF32 or rows."""
    import spconv.algo as tuned
    import spconv.pytorch.ops as native

    params = [tuned.algocore.get_conv_algo_desp_from_param(p) for p in tuned.ALL_IMPGEMM_PARAMS]
    native.CONV_CPP = type(tuned.CONV_CPP)(params)
    params = [tuned.algocore.get_gemm_algo_desp_from_param(p) for p in tuned.ALL_NATIVE_PARAMS]
    native.GEMM_CPP = type(tuned.GEMM_CPP)(params)


def map3(data: Surfaces) -> Run:
    """Pairs of a 3³ kernel from unsorted coordinates, as its layers ask for them in training."""
    import spconv.pytorch.ops as native
    from spconv.core import ConvAlgo

    shape, one, zero = [data.resolution] * 3, [1] * 3, [0] * 3
    algo = ConvAlgo.MaskImplicitGemm
    return lambda: native.get_indice_pairs_implicit_gemm(
        data.coords, data.batch_size, shape, algo, [3] * 3, one, one, one, zero, subm=True, is_train=True
    )


def subm3(data: Surfaces, channels: int, dtype: torch.dtype, backward: bool, cold: bool) -> Run:
    """Sub-manifold 3³ convolution, its map cached or made anew."""
    layer = _layer("SubMConv3d", channels, channels, 3, dtype, data.device, indice_key="a")
    features, grad = _features(len(data.coords), channels, dtype, data.device)

    def fresh() -> Any:
        return _tensor(features, data.coords, data.resolution, data.batch_size)

    cached = fresh()
    cached.indice_dict = layer(fresh()).indice_dict

    def run() -> object:
        out = layer(fresh() if cold else cached).features
        return torch.autograd.grad(out, (features, layer.weight), grad) if backward else out

    return run


def down_up(data: Surfaces, channels: int, dtype: torch.dtype) -> Run:
    """k2 s2 down to twice the channels and generative k2 s2 up again, cold, forward and backward."""
    down = _layer("SparseConv3d", channels, 2 * channels, 2, dtype, data.device, stride=2)
    up = _layer("SparseConvTranspose3d", 2 * channels, channels, 2, dtype, data.device, stride=2)
    features, _ = _features(len(data.coords), channels, dtype, data.device)

    def run() -> object:
        x = _tensor(features, data.coords, data.resolution, data.batch_size)
        return torch.autograd.grad(up(down(x)).features.sum(), (features, down.weight, up.weight))

    return run


def grown(data: Surfaces, size: int, channels: int, dtype: torch.dtype, backward: bool = True) -> Run:
    """Transposed convolution size³ s2 from the stride-2 cells onto all it reaches, pairs fresh."""
    return _grown(data, size, channels, dtype, backward, large_kernel_fast_algo=True)


def grown_native(
    data: Surfaces, size: int, channels: int, dtype: torch.dtype, backward: bool = True
) -> Run | None:
    """The same by what it takes for more than 32 offsets unless told otherwise: gather, product, scatter."""
    return _grown(data, size, channels, dtype, backward) if size**3 > 32 else None


def _grown(
    data: Surfaces, size: int, channels: int, dtype: torch.dtype, backward: bool, **options: Any
) -> Run:
    coords = data.coords.clone()
    coords[:, 1:] //= 2
    coords = torch.unique(coords, dim=0).contiguous()
    layer = _layer("SparseConvTranspose3d", channels, channels, size, dtype, data.device, stride=2, **options)
    features, _ = _features(len(coords), channels, dtype, data.device)

    def forward() -> torch.Tensor:
        return layer(_tensor(features, coords, data.resolution // 2, data.batch_size)).features

    grad = torch.randn_like(forward())

    def run() -> object:
        out = forward()
        return torch.autograd.grad(out, (features, layer.weight), grad) if backward else out

    return run


def _tensor(features: torch.Tensor, coords: torch.Tensor, resolution: int, batch_size: int) -> Any:
    import spconv.pytorch as spconv

    return spconv.SparseConvTensor(features, coords, [resolution] * 3, batch_size)


def _layer(
    name: str, cin: int, cout: int, size: int, dtype: torch.dtype, device: torch.device, **options: Any
) -> Any:
    import spconv.pytorch as spconv

    layer = getattr(spconv, name)(cin, cout, size, bias=False, **options)
    return layer.to(device=device, dtype=_held(dtype))


def _features(
    rows: int, channels: int, dtype: torch.dtype, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features that take gradients, and a gradient of their shape."""
    features = torch.randn(rows, channels, dtype=_held(dtype), device=device, requires_grad=True)
    return features, torch.randn_like(features)


def _held(dtype: torch.dtype) -> torch.dtype:
    return torch.float16 if dtype == torch.bfloat16 else dtype
