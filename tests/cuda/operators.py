"""Every operator forward and backward on sets of real size, and a training step, as lists of tensors."""

import hashlib
from collections.abc import Callable, Iterable
from itertools import chain
from typing import NamedTuple

import torch
from tests.models.conftest import RESOLUTION, sphere
from tests.ops.voxel_sets import canonical, cube, random_coords
from tests.ops.voxel_sets import sphere as surface
from torch import Tensor

from completion import ops
from completion.models import CompletionNet, completion_loss
from completion.sparse import CoordMap, SparseTensor
from completion.sparse.kernel_offsets import slots_on

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
CHANNELS = [(1, 16), (20, 36), (64, 96)]


class Operands(NamedTuple):
    """What the operators on features take: N fine rows, M coarse ones, K = 27 offsets.

    Attributes:
        fine: [N, Cin].
        coarse: [M, Cout].
        weight: [K, Cin, Cout].
        table: int32 [M, K].
        reverse: int32 [N, K].
    """

    fine: Tensor
    coarse: Tensor
    weight: Tensor
    table: Tensor
    reverse: Tensor


def operands(
    device: torch.device, dtype: torch.dtype, channels: tuple[int, int], radius: int = 20
) -> Operands:
    """Normal numbers, the same ones on every device, on a sphere's surface and its cells."""
    keys = canonical(surface(radius), device)
    cells, _ = ops.strided_set(keys, (2, 2, 2))
    table = ops.kernel_map(keys, cells, cube(3))
    generator = torch.Generator().manual_seed(sum(channels))
    shapes = ((len(keys), channels[0]), (len(cells), channels[1]), (27, *channels))
    values = [torch.randn(shape, generator=generator).to(device, dtype) for shape in shapes]
    return Operands(*values, table, ops.reverse_map(table, len(keys)))


def with_gradients(function: Callable[..., Tensor], *inputs: Tensor) -> list[Tensor]:
    """The result of the function and its gradients in the inputs; makes all it needs on the device."""
    leaves = [one.detach().clone().requires_grad_() for one in inputs]
    result = function(*leaves)
    grad = torch.linspace(-1, 1, result.numel(), device=result.device).view(result.shape).to(result.dtype)
    return [result.detach(), *torch.autograd.grad(result, leaves, grad)]


def on_features(given: Operands) -> list[Tensor]:
    """All operators on features with their gradients, plain and ordered; reads nothing back to the host."""
    fine, table, reverse = given.fine, given.table, given.reverse
    rows = (table[:, 13].contiguous(), reverse[:, 13].contiguous())
    orders = ops.row_order(table), ops.row_order(reverse)
    grad_weight = ops.convolution_grad_weight
    return [
        *with_gradients(lambda x, w: ops.convolution(x, w, table, reverse), fine, given.weight),
        *with_gradients(
            lambda x, w: ops.convolution(x, w, table, reverse, None, *orders), fine, given.weight
        ),
        *with_gradients(lambda x, y: grad_weight(x, y, table, reverse), fine, given.coarse),
        *with_gradients(lambda x: ops.pool_sum(x, table, reverse), fine),
        *with_gradients(lambda x: ops.pool_max(x, table)[0], fine),
        *batch_norms(fine),
        *with_gradients(lambda x: ops.layer_norm(x, *ones_and_zeros(x), 1e-5), fine),
        *with_gradients(lambda x: ops.take_rows(x, *rows), fine),
        *with_gradients(lambda a, b: ops.add_rows(a, *rows, b, *rows), fine, fine.flip(0)),
    ]


def ones_and_zeros(features: Tensor) -> tuple[Tensor, Tensor]:
    """Weight and bias of a norm of the features."""
    ones = torch.ones_like(features[0], dtype=torch.float32)
    return ones, torch.zeros_like(ones)


def batch_norms(features: Tensor) -> list[Tensor]:
    """Statistics of the features, and their normalisation with each activation and its gradients."""
    running_mean, running_variance, weight, bias = (
        torch.full_like(features[0], value, dtype=torch.float32) for value in (0.5, 2, 1.5, -0.25)
    )
    num_batches = torch.zeros((), dtype=torch.int64, device=features.device)
    running = running_mean, running_variance, num_batches
    statistics = ops.batch_statistics(features, *running, 0.1)
    results = [*statistics, *running]
    for activation in ("none", "relu", "elu", "silu"):
        for of_batch in (False, True):

            def norm(x: Tensor, w: Tensor, b: Tensor, how: tuple = (*statistics, 1e-5, activation, of_batch)):
                return ops.batch_norm(x, w, b, *how)

            results += with_gradients(norm, features, weight, bias)
    return results


def on_coordinates(device: torch.device) -> list[Tensor]:
    """All operators on coordinates."""
    keys, rows, first = ops.coordinate_set(ops.encode(random_coords(70_000, -24, 24).to(device)))
    small = canonical(surface(20), device)
    table, halves = ops.kernel_map(small, small, cube(3)), ops.strided_set(small, (2, 2, 2))[0]
    return [
        *(keys, rows, first, table, ops.decode(keys), ops.reverse_map(table, small.numel())),
        *ops.strided_set(keys, (2, 2, 2)),
        *ops.strided_set(keys, (3, 3, 3)),
        *chain(*ops.pyramid(keys, 1, 6)),
        ops.generative_set(small, cube(4, centred=False)),
        *ops.union_set(keys, small),
        *ops.selected_set(keys, keys % 3 == 0),
        *ops.kernel_pairs(small, halves, cube(3), slots_on(tuple(cube(3)), (2, 2, 2))),
        ops.child_keys(keys, 8, 1),
        ops.inside_box(keys, (-9, -9, -9), (5, 6, 7)),
        ops.grid_cells(keys, (-9, -9, -9), (2, 1, 3), (3, 9, 9, 9)),
        *ops.boxed_mask(keys, keys % 3 == 0, 3, (-9, -9, -9), (5, 6, 7)),
        ops.lookup(keys, small),
    ]


def every_result(device: torch.device) -> list[Tensor]:
    """All operators, forward and backward, in every dtype."""
    results = on_coordinates(device)
    for dtype in DTYPES:
        for channels in CHANNELS:
            results += on_features(operands(device, dtype, channels))
    return results


def training_step(device: torch.device) -> list[Tensor]:
    """Kept voxels, logits, loss and gradients of a small completion network on half-seen spheres."""
    torch.manual_seed(0)
    net = CompletionNet(RESOLUTION, channels=(8, 16, 32), thresholds=(0.3, 0.4, 0.5), dense_blocks=1)
    net.to(device)
    coords = torch.cat([sphere(0, 8.0, 6.0), sphere(1, 7.0, 4.0)])
    truth = CoordMap.from_coords(coords.to(device))
    partial = CoordMap.from_coords(coords[coords[:, 1] < 7].to(device), batch_size=2)
    x = SparseTensor(torch.ones(partial.num_rows, 1, device=device), partial)
    # The dense level's convolution is cuDNN's, which may add with atomics where it is free to choose.
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        completion = net(x, truth)
        loss, _ = completion_loss(completion.levels, partial, dice_weight=0.5)
        loss.backward()
    grads = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    return [completion.coord_map.keys, completion.logits.detach(), loss.detach()[None], *grads]


def digest(tensors: Iterable[Tensor]) -> str:
    """Hash of all bits."""
    state = hashlib.sha256()
    for tensor in tensors:
        state.update(f"{tensor.dtype} {list(tensor.shape)}".encode())
        state.update(tensor.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    return state.hexdigest()
