// grid_cells on the CPU.
#include "completion/grid_cells.h"

namespace completion::cpu {

constexpr int64_t kGrain = 8192;

void grid_cells(const GridCellsParams& params, ParallelFor parallel_for) {
  for_ranges(parallel_for, 0, params.num_rows, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) params.cells[row] = cell_of(params.keys[row], params);
  });
}

}  // namespace completion::cpu
