// grid_cells: the cell of a dense grid that each key lies in.
#pragma once

#include <cstdint>

#include "completion/key.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct GridCellsParams {
  const int64_t* keys;  // [N]
  int32_t* cells;       // [N] out: ((b · X + x) · Y + y) · Z + z, or −1 outside the grid
  int64_t num_rows;     // N
  int64_t origin[3];    // of cell (0, 0, 0), in finest voxels; within ±2⁶²
  int64_t step[3];      // finest voxels of a cell, at least 1
  int64_t shape[4];     // B, X, Y, Z; the product is below 2³¹
};

COMPLETION_HD int32_t cell_of(int64_t key, const GridCellsParams& grid) {
  int32_t c[4];
  decode_key(key, c);
  if (c[0] >= grid.shape[0]) return -1;
  int64_t cell = c[0];
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t distance = c[axis + 1] - grid.origin[axis], size = grid.shape[axis + 1];
    const int64_t index = distance / grid.step[axis];
    if (distance < 0 || index >= size) return -1;
    cell = cell * size + index;
  }
  return static_cast<int32_t>(cell);
}

namespace cpu {
void grid_cells(const GridCellsParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
Status grid_cells(const GridCellsParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
