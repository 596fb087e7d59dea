"""Sparse operations as functions of tensors and weights; the modules of completion.nn hold the parameters."""

from completion.nn.functional.conv import apply_map, conv, conv_transpose, expanding_conv
from completion.nn.functional.generative import generative_conv_transpose
from completion.nn.functional.interpolate import interpolate
from completion.nn.functional.pool import (
    avg_pool,
    global_avg_pool,
    global_max_pool,
    global_sum_pool,
    max_pool,
    sum_pool,
)
from completion.nn.functional.rows import broadcast_add, cat, prune, take, target_mask, union_add, unpool

__all__ = [
    "apply_map",
    "avg_pool",
    "broadcast_add",
    "cat",
    "conv",
    "conv_transpose",
    "expanding_conv",
    "generative_conv_transpose",
    "global_avg_pool",
    "global_max_pool",
    "global_sum_pool",
    "interpolate",
    "max_pool",
    "prune",
    "sum_pool",
    "take",
    "target_mask",
    "union_add",
    "unpool",
]
