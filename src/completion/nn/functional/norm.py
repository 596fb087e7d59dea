"""Normalisation as functions: over each batch item, and over the batch of one process or of several."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as dense

from completion.nn.functional.checks import check_groups, check_row, check_sparse
from completion.nn.functional.dtypes import widened
from completion.ops.batch_norm import activation_code, unchecked_batch_norm, unchecked_batch_statistics
from completion.ops.checks import refuse_forward_mode
from completion.sparse import SparseTensor
from completion.sparse.segments import gather_rows, segment_mean


def group_norm(
    x: SparseTensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> SparseTensor:
    """`(x - mean) / sqrt(var + eps) * weight + bias`, mean and variance of each item and group of channels.

    Statistics are float32 for half types. The variance is the mean square of what is left after the mean is
    taken off, which does not cancel. Differentiable twice.

    Args:
        x: features [N, C].
        num_groups: divides C.
        weight: [C].
        bias: [C].
        eps: added to the variance.
    """
    check_sparse("group_norm", x)
    check_groups("group_norm", num_groups, x.num_channels)
    for name, row in (("weight", weight), ("bias", bias)):
        if row is not None:
            check_row("group_norm", name, row, x.features)
    item, width = x.coords[:, 0], x.num_channels // num_groups
    values = widened(x.features)

    def group_mean(rows: Tensor) -> Tensor:
        means = segment_mean(rows.unflatten(1, (num_groups, width)).mean(dim=2), item, x.batch_size)
        return gather_rows(means, item).repeat_interleave(width, dim=1)

    centred = values - group_mean(values)
    out = centred * (group_mean(centred.square()) + eps).rsqrt()
    out = out if weight is None else out * weight
    return x.replace((out if bias is None else out + bias).to(x.dtype))


def batch_norm(features: Tensor, norm: Any, together: bool = False, activation: str = "none") -> Tensor:
    """Batch normalisation [N, C] with a module's parameters and an activation after it.

    With fewer than two rows in all, the running statistics are used and left alone; where there are none, a
    mean of 0 and a variance of 1.

    Args:
        features: [N, C], N ≥ 0.
        norm: a torch.nn.BatchNorm1d or SyncBatchNorm of C channels; weight, bias and running statistics may
            be None. In training mode these are updated, if it tracks them.
        together: in training, take the statistics of all processes, on any device; every one must call it,
            with any number of rows.
        activation: as of `ops.batch_norm`.
    """
    refuse_forward_mode("batch_norm")  # before anything moves
    code = activation_code("batch_norm", activation)
    if norm.training and together:
        return _batch_norm_together(features, norm, activation)
    running = _running(norm, features)
    mean, variance = running.mean, running.variance
    of_batch = (norm.training or norm.running_mean is None) and features.shape[0] >= 2
    if of_batch:
        mean, variance = unchecked_batch_statistics(
            features, mean, variance, running.num_batches, running.share_of_batch
        )
    elif torch.is_grad_enabled():  # the next batch moves them, maybe before the backward pass of this one
        mean, variance = mean.clone(), variance.clone()
    weight, bias = _affine(norm, mean)
    return unchecked_batch_norm(features, weight, bias, mean, variance, norm.eps, code, of_batch)


class _Running(NamedTuple):
    """Running statistics, which the batch moves in place.

    Attributes:
        mean: [C].
        variance: [C].
        num_batches: int64 [].
        share_of_batch: share of a batch in them.
    """

    mean: Tensor
    variance: Tensor
    num_batches: Tensor
    share_of_batch: float


def _running(norm: Any, features: Tensor) -> _Running:
    """Those of the module; copies, which nobody looks at again, where it does not track them."""
    if norm.running_mean is None:
        mean = widened(features.new_zeros(features.shape[1]))
        return _Running(mean, torch.ones_like(mean), mean.new_zeros((), dtype=torch.int64), 0.0)
    if norm.training and not norm.track_running_stats:
        copies = norm.running_mean.clone(), norm.running_var.clone()
        return _Running(*copies, norm.num_batches_tracked.clone(), 0.0)
    return _Running(norm.running_mean, norm.running_var, norm.num_batches_tracked, _share_of_batch(norm))


def _share_of_batch(norm: Any) -> float:
    """The momentum; without one all batches count alike. 0 where nothing moves."""
    if not norm.training or norm.momentum is not None:
        return norm.momentum or 0.0
    return 1 / (int(norm.num_batches_tracked) + 1)  # the host waits for a GPU here, as with torch's own


def _affine(norm: Any, like: Tensor) -> tuple[Tensor, Tensor]:
    """Weight and bias [C]; those that change nothing where the module has none."""
    weight = torch.ones_like(like) if norm.weight is None else norm.weight
    return weight, torch.zeros_like(like) if norm.bias is None else norm.bias


def _batch_norm_together(features: Tensor, norm: Any, activation: str) -> Tensor:
    """By torch's operators, through whose sums the gradients of all processes flow."""
    centred, variance = _centred_together(widened(features), norm)
    weight, bias = _affine(norm, variance)
    scale = (variance + norm.eps).rsqrt() * weight
    return _FUNCTIONS[activation](torch.addcmul(bias, centred, scale)).to(features.dtype)


_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda values: values,
    "relu": dense.relu,
    "elu": dense.elu,
    "silu": dense.silu,
}


def _centred_together(values: Tensor, norm: Any) -> tuple[Tensor, Tensor]:
    """Values less their mean, and variance, of all processes' rows; of fewer than two the running ones."""
    count = _total(values.new_full((1,), values.shape[0]), norm)
    enough = count >= 2
    mean = _total(values.sum(dim=0), norm) / count.clamp(min=1)
    running = _running(norm, values)
    # The statistics before they move: what too few rows are normalised by.
    centre = torch.where(enough, mean, running.mean.to(mean.dtype))
    centred = values + -centre
    variance = _total((centred * centred).sum(dim=0), norm) / count.clamp(min=1)
    spread = torch.where(enough, variance, running.variance.to(variance.dtype))
    _update(running, mean.detach(), variance.detach(), count)
    return centred, spread


def _total(part: Tensor, norm: Any) -> Tensor:
    """Sum over the processes; its gradient is the sum of theirs."""
    return _Total.apply(part, getattr(norm, "process_group", None))


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(part: Tensor, group: Any) -> Tensor:
        total = part.clone()
        torch.distributed.all_reduce(total, group=group)
        return total

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.group = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Total.apply(grad, ctx.group), None


def _update(running: _Running, mean: Tensor, variance: Tensor, count: Tensor) -> None:
    """Moves the running mean and the (unbiased) running variance, where there were two rows or more."""
    enough = count >= 2
    unbiased = variance * count / (count - 1).clamp(min=1)
    running.num_batches.add_(enough.long()[0])
    for old, new in ((running.mean, mean), (running.variance, unbiased)):
        moved = torch.lerp(old, new.to(old.dtype), running.share_of_batch)
        old.copy_(torch.where(enough, moved, old))
