"""Floor 1: sparse operators on plain tensors, CPU and CUDA; no data structures, no parameters.

Importing this package loads the native library and, where no prebuilt one is there, compiles it first (once).
"""

from completion.ops.build import load_library

load_library()

from completion.ops.add_rows import add_rows  # noqa: E402
from completion.ops.batch_norm import batch_norm, batch_statistics  # noqa: E402
from completion.ops.boxed_mask import boxed_mask  # noqa: E402
from completion.ops.child_keys import child_keys  # noqa: E402
from completion.ops.convolution import convolution, convolution_grad_weight  # noqa: E402
from completion.ops.coordinate_set import coordinate_set  # noqa: E402
from completion.ops.coords import decode, encode, inside_box  # noqa: E402
from completion.ops.generative_set import generative_set  # noqa: E402
from completion.ops.grid_cells import grid_cells  # noqa: E402
from completion.ops.kernel_map import kernel_map, reverse_map  # noqa: E402
from completion.ops.kernel_pairs import kernel_pairs  # noqa: E402
from completion.ops.layer_norm import layer_norm  # noqa: E402
from completion.ops.lookup import lookup  # noqa: E402
from completion.ops.pooling import pool_max, pool_sum  # noqa: E402
from completion.ops.pyramid import pyramid  # noqa: E402
from completion.ops.row_order import row_order  # noqa: E402
from completion.ops.selected_set import selected_set  # noqa: E402
from completion.ops.strided_set import strided_set  # noqa: E402
from completion.ops.take_rows import take_rows  # noqa: E402
from completion.ops.union_set import union_set  # noqa: E402

__all__ = [
    "add_rows",
    "batch_norm",
    "batch_statistics",
    "boxed_mask",
    "child_keys",
    "convolution",
    "convolution_grad_weight",
    "coordinate_set",
    "decode",
    "encode",
    "generative_set",
    "grid_cells",
    "inside_box",
    "kernel_map",
    "kernel_pairs",
    "layer_norm",
    "lookup",
    "pool_max",
    "pool_sum",
    "pyramid",
    "reverse_map",
    "row_order",
    "selected_set",
    "strided_set",
    "take_rows",
    "union_set",
]
