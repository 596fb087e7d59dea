"""Sparse operations as functions of tensors and weights; the modules of completion.nn hold the parameters."""

from completion.nn.functional.combine import (
    broadcast_add,
    broadcast_cat,
    broadcast_multiply,
    cat,
    multiply,
    union_add,
)
from completion.nn.functional.conv import apply_map, conv, conv_transpose, expanding_conv
from completion.nn.functional.generative import generative_conv_transpose
from completion.nn.functional.interpolate import interpolate
from completion.nn.functional.norm import group_norm
from completion.nn.functional.pool import (
    avg_pool,
    global_avg_pool,
    global_max_pool,
    global_sum_pool,
    max_pool,
    sum_pool,
)
from completion.nn.functional.rows import prune, take, target_mask, unpool

__all__ = [
    "apply_map",
    "avg_pool",
    "broadcast_add",
    "broadcast_cat",
    "broadcast_multiply",
    "cat",
    "conv",
    "conv_transpose",
    "expanding_conv",
    "generative_conv_transpose",
    "global_avg_pool",
    "global_max_pool",
    "global_sum_pool",
    "group_norm",
    "interpolate",
    "max_pool",
    "multiply",
    "prune",
    "sum_pool",
    "take",
    "target_mask",
    "union_add",
    "unpool",
]
