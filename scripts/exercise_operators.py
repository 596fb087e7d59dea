#!/usr/bin/env python3
"""Runs every operator on one device over a short list of cases, twice, against the plain torch reference.

Short enough for compute-sanitizer, under which every kernel of torch costs time: the reference runs on the
CPU. Exit status 1 names the first difference. Times nothing.
"""

import argparse
import re
import sys
from itertools import chain

import torch
from torch import Tensor

from completion import ops
from completion.ops import reference
from completion.sparse.kernel_offsets import slots_on

CHANNELS = ((1, 16), (17, 32), (33, 70), (64, 64), (32, 128))
# Largest error relative to the largest value: sums of some hundred products in float32 or float64, and for
# half types one rounding of the result.
BOUNDS = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 8e-3, torch.float16: 1e-3}
TF32_BOUND = 2e-3  # each factor rounded to 11 bits
DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in BOUNDS}


def main() -> None:
    """Runs the cases that the command line asks for."""
    arguments = parse()
    for radius in arguments.radii:
        coords = shell(radius, torch.device(arguments.device))
        keys = ops.coordinate_set(ops.encode(coords))[0]
        if not arguments.features_only and not arguments.products_only:
            check_sets(radius, coords)
        check = check_few_offsets if arguments.products_only else check_features
        for dtype in arguments.dtypes:
            check(keys, DTYPES[dtype], arguments.channels)
        print(f"radius {radius}: {len(keys)} voxels", flush=True)
    if arguments.large:
        check_large(torch.device(arguments.device))
    print(f"{'convolutions' if arguments.products_only else 'all operators'} agree with the reference")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument(
        "--radii", type=radius_of, nargs="+", default=[0, 1, 6, 40], help="of the voxel shells"
    )
    parser.add_argument("--dtypes", nargs="+", default=list(DTYPES), choices=list(DTYPES))
    parser.add_argument(
        "--channels", type=channels_of, nargs="+", default=CHANNELS, help="in and out, as 17x32"
    )
    parser.add_argument("--features-only", action="store_true", help="no operators on coordinates")
    parser.add_argument("--products-only", action="store_true", help="convolutions alone, of size 2")
    parser.add_argument("--large", action="store_true", help="also more than 2^31 elements (12 GB)")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch must see an NVIDIA GPU, got none; say --device cpu")
    return arguments


def radius_of(text: str) -> int:
    """A radius, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 0, got {text}")
    return int(text)


def channels_of(text: str) -> tuple[int, int]:
    """Numbers of input and output channels."""
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"must be as 17x32, got {text}")
    return int(match[1]), int(match[2])


def shell(radius: int, device: torch.device) -> Tensor:
    """Coordinates int32 [N, 4] of the surfaces of two spheres; radius 0 gives none, 1 a single voxel."""
    if radius < 2:
        return torch.ones(radius, 4, dtype=torch.int32).to(device)
    axis = torch.arange(-radius, radius + 1)
    cells = torch.cartesian_prod(axis, axis, axis)
    distance = cells.double().norm(dim=1)
    cells = cells[(distance <= radius) & (distance > radius - 1)].int()
    items = [torch.nn.functional.pad(cells, (1, 0), value=batch) for batch in (0, 3)]
    return torch.cat(items).to(device)


def far_apart(keys: Tensor) -> Tensor:
    """The keys with one of another batch item in a far corner: too far for a table of all bricks between."""
    corner = torch.tensor([[60000, 30000, -30000, 77]], dtype=torch.int32, device=keys.device)
    return torch.cat([keys, ops.encode(corner)])


def cube(first: int, size: int, step: int) -> list[int]:
    """Offsets of a cube-shaped kernel, first axis fastest."""
    axis = [(first + i) * step for i in range(size)]
    return [value for z in axis for y in axis for x in axis for value in (x, y, z)]


def check_sets(radius: int, coords: Tensor) -> None:
    """All operators on coordinates, which are of a shell."""
    keys = agree("encode", coords)
    agree("decode", keys)
    order = torch.randint(max(1, len(keys)), (2 * len(keys),), generator=torch.Generator().manual_seed(0))
    agree("coordinate_set", keys[order.to(keys.device)])
    canonical, _, _ = ops.coordinate_set(keys)
    agree("inside_box", canonical, (-3, -radius, 0), (9, radius, 2))
    mask = canonical % 3 == 0
    agree("grid_cells", canonical, (-radius, -3, 0), (1, 2, 3), (1, 2 * radius + 1, 9, 4))
    agree("boxed_mask", canonical, mask, 2, (-3, -radius, 0), (9, radius, 2))
    agree("selected_set", canonical, mask)
    agree("selected_set", canonical, mask, int(mask.sum()))
    for stride in ((2, 2, 2), (8, 8, 8), (1, 2, 4), (3, 5, 3)):
        agree("strided_set", canonical, stride)
    for num_levels in (1, 6, 15):
        agree("pyramid", canonical, 1, num_levels)
    agree("child_keys", ops.strided_set(canonical, (2, 2, 2))[0], 8, 1)
    for offsets in (cube(0, 2, 1), cube(-1, 3, 1), cube(0, 4, 2)):
        children = agree("generative_set", canonical, offsets)
        agree("union_set", canonical, children[::2].contiguous())
        agree("lookup", canonical, children)
    agree("generative_set", far_apart(canonical), cube(-1, 3, 1))
    for offsets in (cube(0, 1, 1), cube(-1, 3, 1), cube(-2, 5, 2)):
        table = agree("kernel_map", canonical, canonical, offsets)
        agree("reverse_map", table, len(canonical))
        agree("row_order", table)
        if table.shape[1] <= 64:
            halves = ops.strided_set(canonical, (2, 2, 2))[0]
            agree("kernel_pairs", canonical, halves, offsets, slots_on(tuple(offsets), (2, 2, 2)))


def check_few_offsets(keys: Tensor, dtype: torch.dtype, channels: list[tuple[int, int]]) -> None:
    """The convolutions of one dtype over the eight offsets of k2: a third of k3's work by the same tiles."""
    maps = Maps(keys, cube(0, 2, 1))
    for in_channels, out_channels in channels:
        check_products(dtype, in_channels, out_channels, maps)


def check_features(keys: Tensor, dtype: torch.dtype, channels: list[tuple[int, int]]) -> None:
    """All operators on features of one dtype, for every tile of channels."""
    maps = Maps(keys, cube(-1, 3, 1))
    table, reverse = maps.table, maps.reverse
    for in_channels, out_channels in channels:
        check_products(dtype, in_channels, out_channels, maps)
        features = values((len(keys), in_channels), dtype, keys.device)
        near("pool_sum", dtype, features, table, reverse)
        middle = (table[:, 13].contiguous(), reverse[:, 13].contiguous())
        near("take_rows", dtype, features, *middle)
        near("add_rows", dtype, features, *middle, features.flip(0), *middle)
        agree("pool_max", features, table)
        check_batch_norm(dtype, features)
        check_layer_norm(dtype, features)
    check_pool_max_gradient(dtype, values((len(keys), 5), dtype, keys.device), table)


class Maps:
    """The ways between a set and its cells of 2³ voxels: tables both ways, and pairs for the way back."""

    def __init__(self, keys: Tensor, offsets: list[int]) -> None:
        coarse, _ = ops.strided_set(keys, (2, 2, 2))
        self.num_source, self.num_target, self.device = len(keys), len(coarse), keys.device
        self.table = ops.kernel_map(keys, coarse, offsets)
        self.reverse = ops.reverse_map(self.table, len(keys))
        self.paired = ops.kernel_pairs(keys, coarse, offsets, slots_on(tuple(offsets), (2, 2, 2)))


def check_products(dtype: torch.dtype, in_channels: int, out_channels: int, maps: Maps) -> None:
    """The convolutions; float32 on a GPU in both of its modes."""
    table, reverse = maps.table, maps.reverse
    features = values((maps.num_source, in_channels), dtype, maps.device)
    grad = values((maps.num_target, out_channels), dtype, maps.device)
    weight = values((table.shape[1], in_channels, out_channels), dtype, maps.device)
    before = torch.backends.cuda.matmul.allow_tf32
    for allow_tf32 in (False, True) if features.is_cuda and dtype == torch.float32 else (before,):
        torch.backends.cuda.matmul.allow_tf32 = allow_tf32
        bound = TF32_BOUND if allow_tf32 and dtype == torch.float32 else BOUNDS[dtype]
        near("convolution", dtype, features, weight, table, reverse, bound=bound)
        plain = ops.convolution(features, weight, table, reverse)
        ordered = ops.convolution(features, weight, table, reverse, None, ops.row_order(table))
        require(same(plain, ordered), f"convolution {dtype}: an order of rows must change no bit")
        turned = ops.convolution(features, weight.flip(0), table, reverse)
        opposite = ops.convolution(features, weight, table, reverse, opposite=True)
        require(same(turned, opposite), f"convolution {dtype}: opposite must be the weight turned")
        pairs, order, slots = maps.paired
        for back in (weight.transpose(1, 2), weight.transpose(1, 2).contiguous()):
            near("convolution", dtype, grad, back, reverse, table, bound=bound)
            over_pairs = ops.convolution(
                grad, back, None, table, len(features), order, None, pairs, None, slots
            )
            over_table = ops.convolution(grad, back, reverse, table)
            alike = not grad.is_cuda or same(over_pairs, over_table)  # the CPU sums from another side
            require(alike, f"convolution {dtype}: pairs in place of a table must change nothing")
        near("convolution_grad_weight", dtype, features, grad, table, reverse, bound=bound)
    torch.backends.cuda.matmul.allow_tf32 = before
    print(f"convolutions {in_channels}x{out_channels} of {dtype} agree", flush=True)  # they take the longest


def check_pool_max_gradient(dtype: torch.dtype, features: Tensor, table: Tensor) -> None:
    """The gradient of the maximum, the one kernel that no forward operator runs."""
    gradients = []
    for module, rows, pairs in ((ops, features, table), (reference, features.cpu(), table.cpu())):
        leaf = rows.detach().clone().requires_grad_()
        pooled, _ = module.pool_max(leaf, pairs)
        pooled.backward(values(tuple(pooled.shape), dtype, rows.device))
        gradients.append(leaf.grad)
    compare("gradient of pool_max", gradients[0], gradients[1], BOUNDS[dtype])


def check_batch_norm(dtype: torch.dtype, features: Tensor) -> None:
    """Statistics, and normalisation by them with every activation and by given ones, forward and backward."""
    columns = [0.25 * values((features.shape[1],), torch.float32, features.device) + 1 for _ in range(2)]
    for of_batch in (False, True) if len(features) > 1 else (False,):
        statistics = columns
        if of_batch:
            running = [torch.ones_like(column) for column in columns]
            running.append(torch.zeros((), dtype=torch.int64, device=features.device))
            expected = [one.cpu() for one in running]
            statistics = ops.batch_statistics(features, *running, 0.1)
            right = reference.batch_statistics(features.cpu(), *expected, 0.1)
            for one, other in zip((*statistics, *running), (*right, *expected), strict=True):
                compare("batch_statistics", one, other, BOUNDS[torch.float32])
        for activation in ("none", "relu", "elu", "silu") if of_batch else ("elu",):
            results = []
            for module, place in ((ops, features.device), (ops, features.device), (reference, "cpu")):
                leaves = [one.detach().to(place).requires_grad_() for one in (features, *columns)]
                known = [one.to(place) for one in statistics]
                out = module.batch_norm(*leaves, *known, 1e-2, activation, of_batch)
                grad = values(tuple(out.shape), dtype, out.device)
                results.append([out.detach(), *torch.autograd.grad(out, leaves, grad)])
            for one, again, right in zip(*results, strict=True):
                require(same(one, again), f"batch_norm {activation} {dtype} differs from run to run")
                compare(f"batch_norm {activation} {dtype}", one, right, BOUNDS[dtype])


def check_layer_norm(dtype: torch.dtype, features: Tensor) -> None:
    """Forward and backward."""
    columns = [0.25 * values((features.shape[1],), torch.float32, features.device) + 1 for _ in range(2)]
    results = []
    for module, place in ((ops, features.device), (ops, features.device), (reference, "cpu")):
        leaves = [one.detach().to(place).requires_grad_() for one in (features, *columns)]
        out = module.layer_norm(*leaves, 1e-2)
        grad = values(tuple(out.shape), dtype, out.device)
        results.append([out.detach(), *torch.autograd.grad(out, leaves, grad)])
    for one, again, right in zip(*results, strict=True):
        require(same(one, again), f"layer_norm {dtype} differs from run to run")
        compare(f"layer_norm {dtype}", one, right, BOUNDS[dtype])


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
    return (torch.randint(-32, 32, shape, generator=generator) / 32).to(dtype).to(device)


def agree(name: str, *arguments: object) -> Tensor:
    """Runs the operator twice and the reference once; all must be equal. Returns the first output."""
    first, second = (tensors(getattr(ops, name)(*arguments)) for _ in range(2))
    expected = tensors(getattr(reference, name)(*map(on_cpu, arguments)))
    for one, again, right in zip(first, second, expected, strict=True):
        equal = one.dtype == right.dtype and same(one, again) and same(one, right)
        require(equal, f"{name}{describe(arguments)}")
    return first[0]


def near(name: str, dtype: torch.dtype, *arguments: Tensor, bound: float | None = None) -> None:
    """Runs the operator twice, which must be equal, and the reference in float64, which must be near."""
    first, second = getattr(ops, name)(*arguments), getattr(ops, name)(*arguments)
    require(same(first, second), f"{name}{describe(arguments)} differs from run to run")
    wide = [a.double() if a.is_floating_point() else a for a in map(Tensor.cpu, arguments)]
    expected = getattr(reference, name)(*wide)
    compare(f"{name}{describe(arguments)}", first, expected, BOUNDS[dtype] if bound is None else bound)


def compare(what: str, actual: Tensor, expected: Tensor, bound: float) -> None:
    """Requires equal shapes and errors within the bound, relative to the largest value."""
    require(actual.shape == expected.shape, f"{what}: shape {list(actual.shape)}, not {list(expected.shape)}")
    if actual.numel():
        actual = actual.cpu()
        error = (actual.double() - expected.double()).abs().max().item()
        scale = max(1.0, expected.double().abs().max().item())
        require(error <= bound * scale, f"{what}: error {error:.2e} at values up to {scale:.2e}")


def on_cpu(argument: object) -> object:
    """The argument, a tensor on the CPU."""
    return argument.cpu() if isinstance(argument, Tensor) else argument


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same, wherever they are."""
    return torch.equal(one.cpu(), other.cpu())


def tensors(output: Tensor | tuple[Tensor, ...] | list[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Outputs as a tuple."""
    if isinstance(output, list):
        return tuple(chain(*output))
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
