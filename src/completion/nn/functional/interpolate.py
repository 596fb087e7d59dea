"""Features at arbitrary points, from the voxels around them."""

from itertools import product

import torch
from torch import Tensor

from completion import ops
from completion.nn.functional.checks import check_same_device, check_sparse
from completion.nn.functional.dtypes import widened
from completion.ops.checks import check_type
from completion.ops.coords import BATCH_MAX, COORD_MAX, COORD_MIN
from completion.sparse import SparseTensor
from completion.sparse.derive import eager
from completion.sparse.segments import gather_rows


def interpolate(x: SparseTensor, points: Tensor, renormalise: bool = False) -> Tensor:
    """Trilinear features [P, C] at points, from the eight lattice sites around each; differentiable.

    A lattice site is a voxel's lowest corner: at a voxel's own coordinate the result is its feature. Sites
    without a voxel count as zero, also beyond the coordinate range and around a point not finite.

    Args:
        x: features [N, C].
        points: floating point [P, 4], columns batch, x, y, z in finest voxels; constants, no gradient.
        renormalise: divide by the weight of the sites that exist; zero where none does.
    """
    check_sparse("interpolate", x)
    check_type("interpolate", "points", points, Tensor, "wrap it with torch.as_tensor")
    if points.ndim != 2 or points.shape[1] != 4:
        raise ValueError(
            f"interpolate: points must be [P, 4] (batch, x, y, z), got {list(points.shape)}; "
            "put the batch index in the first column"
        )
    if not points.is_floating_point():
        raise TypeError(f"interpolate: points must be floating point, got {points.dtype}; convert them first")
    check_same_device("interpolate", "points", points, x.features)
    points = points.detach().double()
    features = widened(x.features)
    stride = torch.tensor([1, *x.stride], device=points.device)
    base = torch.floor(points / stride)
    fraction = (points / stride - base)[:, 1:]
    out = features.new_zeros(points.shape[0], x.num_channels)
    total = points.new_zeros(points.shape[0], 1)
    for corner in product((0, 1), repeat=3):
        step = torch.tensor([0, *corner], device=points.device)
        nearness = torch.where(step[1:] > 0, fraction, 1 - fraction).prod(dim=1, keepdim=True)
        # What counts nothing is not read: 0 times NaN would be NaN.
        rows = torch.where(nearness[:, 0] > 0, _rows_at(x, (base + step) * stride), -1)
        nearness = torch.where(rows[:, None] >= 0, nearness, 0)
        out = out + gather_rows(features, rows) * nearness.to(out.dtype)
        total = total + nearness
    if renormalise:
        out = out / total.clamp(min=1e-12).to(out.dtype)
    return out.to(x.dtype)


@eager
def _rows_at(x: SparseTensor, sites: Tensor) -> Tensor:
    """Row of x at each site float64 [P, 4], -1 where there is none: beyond the range, or not finite.

    Judged before the conversion to integers, which would wrap.
    """
    space, batch = sites[:, 1:], sites[:, 0]
    valid = ((space >= COORD_MIN) & (space <= COORD_MAX)).all(dim=1) & (batch >= 0) & (batch <= BATCH_MAX)
    keys = ops.encode(torch.where(valid[:, None], sites, 0).int())
    return torch.where(valid, ops.lookup(x.coord_map.keys, keys), -1)
