"""Every operator of completion.ops again in plain torch: any dtype and device, differentiated by autograd.

The oracle of the tests and the readable definition; shares no code with the native operators and is not fast.
"""

from completion.ops.reference.add_rows import add_rows
from completion.ops.reference.batch_norm import batch_norm, batch_statistics
from completion.ops.reference.boxed_mask import boxed_mask
from completion.ops.reference.child_keys import child_keys
from completion.ops.reference.convolution import convolution, convolution_grad_weight
from completion.ops.reference.coordinate_set import coordinate_set
from completion.ops.reference.coords import decode, encode, inside_box
from completion.ops.reference.generative_set import generative_set
from completion.ops.reference.grid_cells import grid_cells
from completion.ops.reference.kernel_map import kernel_map, reverse_map
from completion.ops.reference.kernel_pairs import kernel_pairs
from completion.ops.reference.layer_norm import layer_norm
from completion.ops.reference.lookup import lookup
from completion.ops.reference.pooling import pool_max, pool_sum
from completion.ops.reference.pyramid import pyramid
from completion.ops.reference.row_order import row_order
from completion.ops.reference.selected_set import selected_set
from completion.ops.reference.strided_set import strided_set
from completion.ops.reference.take_rows import take_rows
from completion.ops.reference.union_set import union_set

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
