"""Half types err against float64 at most twice as much as PyTorch's own sum of the same terms in that dtype.

Outputs and gradients. PyTorch's way is a gather of rows, one dense product or sum, and its autograd.
"""

from collections.abc import Callable
from functools import cache

import pytest
import torch
from tests.sparse.voxels import random_map
from torch import Tensor

from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor, cell_map, kernel_map

HALF = [torch.bfloat16, torch.float16]
ONE_HALF = {
    torch.bfloat16: 0x3F00,
    torch.float16: 0x3800,
}  # bits of 0.5; the next integers are the next values

Ours = Callable[[SparseTensor, Tensor], Tensor]
Theirs = Callable[[Tensor, Tensor], Tensor]


def gathered(features: Tensor, table: Tensor) -> Tensor:
    """Rows [M, K, C] under each offset, zeros where there is none."""
    return torch.cat([features, features.new_zeros(1, features.shape[1])])[table.long()]


def product(table: Tensor) -> Theirs:
    """Convolution over a table as one dense product."""
    return lambda features, weight: gathered(features, table).flatten(1) @ weight.flatten(0, 1)


def transposed(size: int, coarse: CoordMap, target: CoordMap) -> Theirs:
    return product(kernel_map(coarse, target, size, transposed=True).table)


def items(features: Tensor, coord_map: CoordMap) -> list[Tensor]:
    """Features of each batch item."""
    return [features[coord_map.coords[:, 0] == b] for b in range(coord_map.batch_size)]


def per_item(reduce: Callable[[Tensor], Tensor], coord_map: CoordMap) -> Theirs:
    return lambda features, weight: torch.stack([reduce(rows) for rows in items(features, coord_map)])


def normalised(coord_map: CoordMap) -> Theirs:
    norm = torch.nn.functional.group_norm
    return lambda features, weight: torch.cat([norm(r.T[None], 4)[0].T for r in items(features, coord_map)])


@cache
def cases(device: torch.device) -> dict[str, tuple[CoordMap, int, Ours, Theirs]]:
    """The set of the input, kernel size of the weight, the operation, and the same sum by PyTorch."""
    fine = random_map(0, device, number=400)
    coarse = random_map(1, device, number=150, stride=2)
    windows = kernel_map(fine, fine.strided(2), 3)
    count = windows.num_neighbours.clamp(min=1)[:, None]
    cells = cell_map(fine, fine.strided(2))

    return {
        **{
            f"transposed k{size}": (
                coarse,
                size,
                lambda x, w, size=size: F.conv_transpose(x, w, None, size, 2, target=fine).features,
                transposed(size, coarse, fine),
            )
            for size in (2, 3)
        },
        **{
            f"generative k{size}": (
                coarse,
                size,
                lambda x, w, size=size: F.generative_conv_transpose(x, w, None, size, 2).features,
                transposed(size, coarse, coarse.generated(size, 2)),
            )
            for size in (2, 3, 4)
        },
        "sum_pool": (
            fine,
            1,
            lambda x, w: F.sum_pool(x).features,
            lambda f, w: gathered(f, cells.table).sum(1),
        ),
        "avg_pool": (
            fine,
            1,
            lambda x, w: F.avg_pool(x, 3, 2).features,
            lambda f, w: gathered(f, windows.table).sum(1) / count,
        ),
        "max_pool": (
            fine,
            1,
            lambda x, w: F.max_pool(x, 3, 2).features,
            lambda f, w: torch.where(
                (windows.table >= 0)[..., None], gathered(f, windows.table), -torch.inf
            ).amax(1),
        ),
        "global_sum_pool": (
            fine,
            1,
            lambda x, w: F.global_sum_pool(x),
            per_item(lambda rows: rows.sum(0), fine),
        ),
        "global_avg_pool": (
            fine,
            1,
            lambda x, w: F.global_avg_pool(x),
            per_item(lambda rows: rows.mean(0), fine),
        ),
        "global_max_pool": (
            fine,
            1,
            lambda x, w: F.global_max_pool(x),
            per_item(lambda rows: rows.amax(0), fine),
        ),
        "group_norm": (fine, 1, lambda x, w: F.group_norm(x, 4).features, normalised(fine)),
    }


def outputs(case: str, features: Tensor, weight: Tensor, by_torch: bool) -> list[Tensor]:
    """The result and the gradients of features and weight, in the dtype of both."""
    coord_map, _, ours, theirs = cases(features.device)[case]
    x, w = features.clone().requires_grad_(), weight.clone().requires_grad_()
    out = theirs(x, w) if by_torch else ours(SparseTensor(x, coord_map), w)
    grad = torch.randn(out.shape, generator=torch.Generator().manual_seed(2)).bfloat16()
    out.backward(grad.to(out.device, out.dtype))
    return [out.detach(), *(one.grad for one in (x, w) if one.grad is not None)]


def distinct(coord_map: CoordMap, dtype: torch.dtype) -> Tensor:
    """Features [N, 16] of either sign and no value twice in a channel: of equal maxima ours takes one."""
    generator = torch.Generator().manual_seed(0)
    order = torch.stack([torch.randperm(coord_map.num_rows, generator=generator) for _ in range(16)], dim=1)
    magnitude = (order + ONE_HALF[dtype]).short().view(dtype)
    return torch.where(order % 2 == 0, magnitude, -magnitude).to(coord_map.device)


@pytest.mark.parametrize("dtype", HALF, ids=str)
@pytest.mark.parametrize("case", cases(torch.device("cpu")))
def test_errs_at_most_twice_as_much_as_torch(case, dtype, device) -> None:
    coord_map, size, _, _ = cases(device)[case]
    features = distinct(coord_map, dtype)
    weight = torch.randn(size**3, 16, 8, generator=torch.Generator().manual_seed(1)).to(device, dtype)
    exact = outputs(case, features.double(), weight.double(), by_torch=True)
    ours, theirs = (outputs(case, features, weight, by_torch) for by_torch in (False, True))
    assert len(exact) == len(ours) == len(theirs)
    for one, other, right in zip(ours, theirs, exact, strict=True):
        assert one.dtype == dtype and one.shape == right.shape
        assert (one.double() - right).abs().max() <= 2 * (other.double() - right).abs().max()
