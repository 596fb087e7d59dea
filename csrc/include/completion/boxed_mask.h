// boxed_mask: a mask of a set without the rows outside a box, counted for each batch item.
#pragma once

#include <cstdint>

#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct BoxedMaskParams {
  const int64_t* keys;  // [N] of a set: ascending
  const uint8_t* mask;  // [N] 0 for no; any other byte selects, as torch has it of a bool
  bool* boxed;          // [N] out: selected and inside the box
  int64_t* counts;      // [B + 1] out: for each item its rows in `boxed`; last, how many rows lie outside the box
  int64_t num_rows;     // N
  int64_t batch_size;   // B; rows of items beyond are not counted
  int64_t low[3];       // x, y, z in finest voxels
  int64_t high[3];      // of the first voxel beyond the box
};

namespace cpu {
void boxed_mask(const BoxedMaskParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
Status boxed_mask(const BoxedMaskParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
