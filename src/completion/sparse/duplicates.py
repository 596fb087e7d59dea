"""Reduction of the features of repeated coordinates by a named rule, at entry."""

import torch
from torch import Tensor

from completion import ops
from completion.sparse.segments import segment_max, segment_mean, segment_sum


def reduce_duplicates(features: Tensor, rows: Tensor, first: Tensor, rule: str) -> Tensor:
    """Features [M, C] of the voxels from those of the input rows.

    Args:
        features: [N, C].
        rows: int32 [N], the voxel row of each input row.
        first: int32 [M], the lowest input row of each voxel.
        rule: "first", "sum", "mean" or "max".
    """
    if rule == "first":
        return _take_first(features, rows, first)
    if rule == "max":
        return segment_max(features, rows, first.shape[0])
    reduce = segment_mean if rule == "mean" else segment_sum
    return reduce(features, rows, first.shape[0])


def _take_first(features: Tensor, rows: Tensor, first: Tensor) -> Tensor:
    if first.shape[0] == rows.shape[0]:  # no coordinate is repeated: each row is its voxel's first
        return ops.take_rows(features, first, rows)
    here = torch.arange(rows.shape[0], device=rows.device)
    inverse = torch.where(first[rows.long()] == here, rows, -1)
    return ops.take_rows(features, first, inverse)
