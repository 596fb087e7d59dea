// grid_cells: one thread a row.
#include "completion/grid_cells.h"
#include "launch.cuh"

namespace completion::cuda {

namespace {

__global__ void __launch_bounds__(kBlockThreads) write_cells(GridCellsParams params) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  if (row < params.num_rows) params.cells[row] = cell_of(params.keys[row], params);
}

}  // namespace

Status grid_cells(const GridCellsParams& params, void* stream) {
  launch_items(write_cells, params.num_rows, stream, params);
  return last_status();
}

}  // namespace completion::cuda
