"""Normalisation as functions: over each batch item, and over the batch of one process or of several."""

from collections.abc import Callable
from typing import Any

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
        of_groups = rows.unflatten(1, (num_groups, width)).mean(dim=2)
        means = segment_mean(of_groups, item, x.batch_size, ascending=True)
        return gather_rows(means, item, ascending=True).repeat_interleave(width, dim=1)

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
    running, of_batch = _running(norm, features)
    mean, variance = running[:2]
    of_batch = of_batch and features.shape[0] >= 2
    if of_batch:
        mean, variance = unchecked_batch_statistics(features, *running)
    elif torch.is_grad_enabled():  # the next batch moves them, maybe before the backward pass of this one
        mean, variance = mean.clone(), variance.clone()
    weight, bias = _affine(norm, mean)
    return unchecked_batch_norm(features, weight, bias, mean, variance, norm.eps, code, of_batch)


_Running = tuple[Tensor, Tensor, Tensor, float]  # mean, variance, number of batches, share of a batch in them


def _running(norm: Any, features: Tensor) -> tuple[_Running, bool]:
    """Running statistics for a batch to move in place, and whether the batch's are used.

    They are copies, which nobody looks at again, where the module does not track them.
    """
    training, mean = norm.training, norm.running_mean  # a module takes its time to find a buffer
    if mean is None:
        mean = widened(features.new_zeros(features.shape[1]))
        return (mean, torch.ones_like(mean), mean.new_zeros((), dtype=torch.int64), 0.0), True
    variance, num_batches = norm.running_var, norm.num_batches_tracked
    if not training:
        return (mean, variance, num_batches, 0.0), False
    if num_batches is None:  # torch counts none then
        num_batches = mean.new_zeros((), dtype=torch.int64)
    if not norm.track_running_stats:
        return (mean.clone(), variance.clone(), num_batches.clone(), 0.0), True
    share = norm.momentum
    if share is None:  # all batches count alike; the host waits for a GPU here, as with torch's own
        share = 1 / (int(num_batches) + 1)
    return (mean, variance, num_batches, share), True


def _affine(norm: Any, like: Tensor) -> tuple[Tensor, Tensor]:
    """Weight and bias [C]; those that change nothing where the module has none."""
    weight, bias = norm.weight, norm.bias
    weight = torch.ones_like(like) if weight is None else weight
    return weight, torch.zeros_like(like) if bias is None else bias


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
    running, _ = _running(norm, values)
    # The statistics before they move: what too few rows are normalised by.
    centre = torch.where(enough, mean, running[0].to(mean.dtype))
    centred = values + -centre
    variance = _total((centred * centred).sum(dim=0), norm) / count.clamp(min=1)
    spread = torch.where(enough, variance, running[1].to(variance.dtype))
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
    running_mean, running_variance, num_batches, share = running
    num_batches.add_(enough.long()[0])
    for old, new in ((running_mean, mean), (running_variance, unbiased)):
        moved = torch.lerp(old, new.to(old.dtype), share)
        old.copy_(torch.where(enough, moved, old))
