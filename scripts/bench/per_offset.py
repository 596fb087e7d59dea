"""Convolution as libraries did it first: per offset gather rows, multiply, scatter-add; in place of ours."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from bench.libraries import gather_mm
from completion import ops
from completion.nn.functional import generative

# By table, and by reverse: as those libraries, a map is listed once. One tensor can be the table of one layer
# and the reverse of another.
PAIRS = {is_table: WeakTensorKeyDictionary() for is_table in (True, False)}


def convolution(
    features: Tensor,
    weight: Tensor,
    table: Tensor | None,
    reverse: Tensor | Callable[[], Tensor] | None,
    num_target: int | None = None,
    *_helpers: Tensor | bool | None,
) -> Tensor:
    """`completion.ops.convolution`, on a table or its reverse; orders and pairs are of no use to it.

    No layer of the networks takes its weights in the opposite order.
    """
    device = features.device.type
    if torch.is_autocast_enabled(device) and features.dtype != torch.float64:
        features = features.to(torch.get_autocast_dtype(device))
    if callable(reverse):
        reverse = reverse()
    side = reverse if table is None else table
    assert side is not None
    rows = num_target if table is None else table.shape[0]
    is_table = table is not None
    if (pairs := PAIRS[is_table].get(side)) is None:
        pairs = PAIRS[is_table][side] = listed(side, is_table)
    return gather_mm.Convolution.apply(features, weight.to(features.dtype), pairs, rows)


def listed(side: Tensor, is_table: bool) -> gather_mm.Pairs:
    """Source rows and target rows of each offset, of a table or of a reverse."""
    k, here = (side.t() >= 0).nonzero(as_tuple=True)
    there = side[here, k].long()
    counts = torch.bincount(k, minlength=side.shape[1]).tolist()
    source, target = (there, here) if is_table else (here, there)
    return list(zip(source.split(counts), target.split(counts), strict=True))


@contextmanager
def installed() -> Iterator[None]:
    """Every convolution of the networks goes that way, generative ones too."""
    before = ops.convolution, generative.children_are_consecutive
    ops.convolution = convolution
    generative.children_are_consecutive = lambda *_: False
    try:
        yield
    finally:
        ops.convolution, generative.children_are_consecutive = before
