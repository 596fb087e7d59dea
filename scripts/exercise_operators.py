#!/usr/bin/env python3
"""Runs every operator on one device over a short list of cases, twice, against the plain torch reference.

Short enough for compute-sanitizer. Exit status 1 names the first difference. Times nothing.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from completion import ops
from completion.ops import reference

CHANNELS = ((1, 16), (17, 32), (33, 70))
# Largest error relative to the largest value: sums of some hundred products in float32 or float64, and for
# half types one rounding of the result.
BOUNDS = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 8e-3, torch.float16: 1e-3}


def main() -> None:
    """Runs the cases that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--radii", type=int, nargs="*", default=[0, 1, 6, 40], help="of the voxel shells")
    parser.add_argument("--large", action="store_true", help="also more than 2^31 elements (12 GB)")
    arguments = parser.parse_args()
    for radius in arguments.radii:
        keys = check_sets(radius, torch.device(arguments.device))
        check_features(radius, keys)
    if arguments.large:
        check_large(torch.device(arguments.device))
    print("all operators agree with the reference")


def shell(radius: int, device: torch.device) -> Tensor:
    """Coordinates int32 [N, 4] of the surfaces of two spheres; radius 0 gives none, 1 a single voxel."""
    if radius < 2:
        return torch.full((radius, 4), -1, dtype=torch.int32, device=device).abs()
    axis = torch.arange(-radius, radius + 1, device=device)
    cells = torch.cartesian_prod(axis, axis, axis)
    distance = cells.double().norm(dim=1)
    cells = cells[(distance <= radius) & (distance > radius - 1)].int()
    return torch.cat([torch.nn.functional.pad(cells, (1, 0), value=batch) for batch in (0, 3)])


def cube(first: int, size: int, step: int) -> list[int]:
    """Offsets of a cube-shaped kernel, first axis fastest."""
    axis = [(first + i) * step for i in range(size)]
    return [value for z in axis for y in axis for x in axis for value in (x, y, z)]


def check_sets(radius: int, device: torch.device) -> Tensor:
    """All operators on coordinates; returns the canonical keys of the shell."""
    coords = shell(radius, device)
    keys = agree("encode", coords)
    agree("decode", keys)
    order = torch.randint(max(1, len(keys)), (2 * len(keys),), generator=torch.Generator().manual_seed(0))
    agree("coordinate_set", keys[order.to(device)])
    canonical, _, _ = ops.coordinate_set(keys)
    for stride in ((2, 2, 2), (8, 8, 8), (1, 2, 4), (3, 5, 3)):
        agree("strided_set", canonical, stride)
    for offsets in (cube(0, 2, 1), cube(-1, 3, 1), cube(0, 4, 2)):
        children = agree("generative_set", canonical, offsets)
        agree("union_set", canonical, children[::2].contiguous())
        agree("lookup", canonical, children)
    for offsets in (cube(0, 1, 1), cube(-1, 3, 1), cube(-2, 5, 2)):
        table = agree("kernel_map", canonical, canonical, offsets)
        agree("reverse_map", table, len(canonical))
    return canonical


def check_features(radius: int, keys: Tensor) -> None:
    """All operators on features, for every dtype and every tile of channels."""
    coarse, _ = ops.strided_set(keys, (2, 2, 2))
    offsets = cube(-1, 3, 1)
    table = ops.kernel_map(keys, coarse, offsets)
    reverse = ops.reverse_map(table, len(keys))
    for dtype in BOUNDS:
        for in_channels, out_channels in CHANNELS:
            features = values((len(keys), in_channels), dtype, keys.device)
            grad = values((len(coarse), out_channels), dtype, keys.device)
            weight = values((len(offsets) // 3, in_channels, out_channels), dtype, keys.device)
            near("convolution", dtype, features, weight, table, reverse)
            near("convolution", dtype, grad, weight.transpose(1, 2).contiguous(), reverse, table)
            near("convolution_grad_weight", dtype, features, grad, table, reverse)
            near("pool_sum", dtype, features, table, reverse)
            middle = (table[:, 13].contiguous(), reverse[:, 13].contiguous())
            near("take_rows", dtype, features, *middle)
            near("add_rows", dtype, features, *middle, features.flip(0), *middle)
            agree("pool_max", features, table)
        check_pool_max_gradient(dtype, values((len(keys), 5), dtype, keys.device), table)
    print(f"radius {radius}: {len(keys)} voxels")


def check_pool_max_gradient(dtype: torch.dtype, features: Tensor, table: Tensor) -> None:
    """The gradient of the maximum, the one kernel that no forward operator runs."""
    gradients = []
    for module in (ops, reference):
        leaf = features.detach().clone().requires_grad_()
        pooled, _ = module.pool_max(leaf, table)
        pooled.backward(values(tuple(pooled.shape), dtype, features.device))
        gradients.append(leaf.grad)
    compare("gradient of pool_max", dtype, gradients[0], gradients[1])


def check_large(device: torch.device) -> None:
    """Rows beyond 2^31 elements are read and written where they belong."""
    rows, channels = 2**24 + 3, 160
    features = torch.zeros(rows, channels, dtype=torch.float16, device=device)
    features[-1] = 2
    table = torch.full((rows, 1), -1, dtype=torch.int32, device=device)
    table[-2:, 0] = torch.tensor([0, rows - 1], device=device)
    for result in (
        ops.take_rows(features, table[:, 0].contiguous(), table[:, 0].contiguous()),
        ops.pool_sum(features, table, table),
    ):
        require(bool((result[-1] == 2).all()) and not result[:-1].any(), "rows beyond 2^31 elements")
        del result
    print(f"{rows * channels} elements")


def values(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Repeatable values in [-1, 1) that every dtype holds exactly."""
    generator = torch.Generator().manual_seed(sum(shape))
    return (torch.randint(-32, 32, shape, generator=generator) / 32).to(device, dtype)


def agree(name: str, *arguments: object) -> Tensor:
    """Runs the operator twice and the reference once; all must be equal. Returns the first output."""
    outputs = [tensors(function(*arguments)) for function in functions(name)]
    for first, *others in zip(*outputs, strict=True):
        for other in others:
            require(first.dtype == other.dtype and torch.equal(first, other), f"{name}{describe(arguments)}")
    return outputs[0][0]


def near(name: str, dtype: torch.dtype, *arguments: Tensor) -> None:
    """Runs the operator twice, which must be equal, and the reference in float64, which must be near."""
    first, second = getattr(ops, name)(*arguments), getattr(ops, name)(*arguments)
    require(torch.equal(first, second), f"{name}{describe(arguments)} differs from run to run")
    wide = [a.double() if a.is_floating_point() else a for a in arguments]
    compare(f"{name}{describe(arguments)}", dtype, first, getattr(reference, name)(*wide))


def compare(what: str, dtype: torch.dtype, actual: Tensor, expected: Tensor) -> None:
    """Requires equal shapes and errors within the bound of the dtype."""
    require(actual.shape == expected.shape, f"{what}: shape {list(actual.shape)}, not {list(expected.shape)}")
    if actual.numel():
        error = (actual.double() - expected.double()).abs().max().item()
        scale = max(1.0, expected.double().abs().max().item())
        require(error <= BOUNDS[dtype] * scale, f"{what}: error {error:.2e} at values up to {scale:.2e}")


def functions(name: str) -> Iterator[Callable]:
    """The operator twice, then the reference."""
    return iter((getattr(ops, name), getattr(ops, name), getattr(reference, name)))


def tensors(output: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Outputs as a tuple."""
    return output if isinstance(output, tuple) else (output,)


def describe(arguments: tuple[object, ...]) -> str:
    """Shapes and dtype of the tensors among the arguments."""
    return str([(list(a.shape), str(a.dtype)) for a in arguments if isinstance(a, Tensor)])


def require(condition: bool, what: str) -> None:
    """Ends the program with the reason when the condition does not hold."""
    if not condition:
        sys.exit(f"exercise_operators: {what}")


if __name__ == "__main__":
    main()
