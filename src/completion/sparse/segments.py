"""Gather of repeated rows, and sum, mean and maximum over rows of a common index: deterministic."""

from typing import Any

import torch
from torch import Tensor

from completion.ops.checks import refuse_forward_mode

PART_ROWS = 512
"""Rows that are added one after another."""


def gather_rows(values: Tensor, index: Tensor, ascending: bool = False) -> Tensor:
    """Row of values [S, C] for each index, zeros where it is -1; rows may repeat.

    Differentiable twice in values; the gradient is summed in row order, so it is the same each time.

    Args:
        values: [S, C].
        index: int32 or int64 [N].
        ascending: the index does, as the batch column of a set; then the gradient needs no sort.

    Returns:
        [N, C] in the dtype of values.
    """
    refuse_forward_mode("gather_rows")
    return _GatherRows.apply(values, index.long(), ascending)


def segment_sum(values: Tensor, index: Tensor, num_segments: int, ascending: bool = False) -> Tensor:
    """Sum of the rows of values [N, C] with each index: [S, C]; index -1 is left out.

    The adjoint of `gather_rows`, with the same properties. Summed in float64.

    Args:
        values: [N, C].
        index: int32 or int64 [N].
        num_segments: number of sums S.
        ascending: as of `gather_rows`.
    """
    refuse_forward_mode("segment_sum")
    return _SegmentSum.apply(values, index.long(), num_segments, ascending)


def segment_mean(values: Tensor, index: Tensor, num_segments: int, ascending: bool = False) -> Tensor:
    """Mean of the rows of values [N, C] with each index: [S, C], zero for an index that never occurs.

    Arguments and derivatives as `segment_sum`. Half types are rounded once, after the division: their sum may
    exceed their range.
    """
    wide = values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
    ones = torch.ones(wide.shape[0], 1, dtype=wide.dtype, device=wide.device)
    count = segment_sum(ones, index, num_segments, ascending).clamp(min=1)
    return (segment_sum(wide, index, num_segments, ascending) / count).to(values.dtype)


def segment_max(values: Tensor, index: Tensor, num_segments: int) -> Tensor:
    """Largest value per index and channel: [S, C], zero for an index that never occurs.

    Differentiable in values; the lowest row wins a tie and gets the gradient. NaN wins over numbers.

    Args:
        values: [N, C].
        index: int32 or int64 [N], each in 0…S - 1.
        num_segments: number of maxima S.
    """
    num_rows = values.shape[0]
    seen = values.detach()
    index = index.long()[:, None].expand_as(values)
    largest = seen.new_full((num_segments, values.shape[1]), -torch.inf)
    largest = largest.scatter_reduce(0, index, seen, "amax").gather(0, index)
    here = torch.arange(num_rows, device=values.device)[:, None].expand_as(values)
    wins = torch.where((seen == largest) | seen.isnan(), here, num_rows)
    arg = here.new_full((num_segments, values.shape[1]), num_rows).scatter_reduce(0, index, wins, "amin")
    return torch.cat([values, values.new_zeros(1, values.shape[1])]).gather(0, arg)


def _sums_between(rows: Tensor, offsets: Tensor) -> Tensor:
    """Sums of the rows from each offset to the next."""
    return torch.segment_reduce(rows, "sum", offsets=offsets, axis=0, unsafe=True, initial=0)


class _OneByOne(torch.autograd.Function):
    """A batch of torch.func.vmap goes through one by one."""

    @classmethod
    def vmap(cls, info: Any, in_dims: tuple, *inputs: Any) -> tuple[Tensor, int]:
        def one(place: int) -> Tensor:
            pairs = zip(inputs, in_dims, strict=True)
            return cls.apply(*(given if dim is None else given.select(dim, place) for given, dim in pairs))

        return torch.stack([one(place) for place in range(info.batch_size)]), 0


class _GatherRows(_OneByOne):
    @staticmethod
    def forward(values: Tensor, index: Tensor, ascending: bool) -> Tensor:
        padded = torch.cat([values, values.new_zeros(1, values.shape[1])])
        return padded[torch.where(index < 0, values.shape[0], index)]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        values, index, ctx.ascending = inputs
        ctx.save_for_backward(index)
        ctx.num_segments = values.shape[0]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (index,) = ctx.saved_tensors
        return segment_sum(grad, index, ctx.num_segments, ctx.ascending), None, None


class _SegmentSum(_OneByOne):
    @staticmethod
    def forward(values: Tensor, index: Tensor, num_segments: int, ascending: bool) -> Tensor:
        rows = values.double()  # a chain of sums in float32 would lose digits with every thousand rows
        if not ascending:
            index, order = index.sort(stable=True)
            rows = rows[order]
        bounds = torch.arange(num_segments + 1, device=index.device)
        offsets = torch.searchsorted(index.contiguous(), bounds)
        if index.shape[0] > PART_ROWS * num_segments:
            # Where segments are long they are cut: a GPU adds one up in one thread for each channel.
            cuts = torch.arange(0, index.shape[0], PART_ROWS, device=index.device)
            cuts = torch.cat([offsets, cuts]).sort().values
            rows, offsets = _sums_between(rows, cuts), torch.searchsorted(cuts, offsets)
        return _sums_between(rows, offsets).to(values.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])
        ctx.ascending = inputs[3]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (index,) = ctx.saved_tensors
        return gather_rows(grad, index, ctx.ascending), None, None, None
