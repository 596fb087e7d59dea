"""Floor 2: sets of voxels, the maps between them and tensors on them; no parameters."""

from completion.sparse.coord_map import CoordMap
from completion.sparse.dense import dense_grid, grid_rows
from completion.sparse.from_dense import from_dense
from completion.sparse.grid_coord_map import grid_coord_map
from completion.sparse.kernel_map import KernelMap, cell_map, kernel_map
from completion.sparse.kernel_offsets import kernel_offsets
from completion.sparse.sparse_tensor import SparseTensor

__all__ = [
    "CoordMap",
    "KernelMap",
    "SparseTensor",
    "cell_map",
    "dense_grid",
    "from_dense",
    "grid_coord_map",
    "grid_rows",
    "kernel_map",
    "kernel_offsets",
]
