// coordinate_set: any keys with duplicates to the canonical set, and the row maps between both.
#pragma once

#include <cstdint>

#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct CoordinateSetParams {
  const int64_t* keys;      // [N] any order, duplicates allowed
  int64_t num_rows;         // N < 2³¹
  int64_t* counts;          // [1] out of count: M, the number of different keys
  void* workspace;          // scratch; what count leaves in it is read by fill
  int64_t workspace_bytes;  // at least coordinate_set_workspace_bytes(params)
  int64_t* voxel_keys;      // [M] out of fill: ascending, unique; null in count
  int32_t* rows;            // [N] out of fill: voxel row of each input row; null in count
  int32_t* first;           // [M] out of fill: lowest input row of each voxel; null in count
};

namespace cpu {
int64_t coordinate_set_workspace_bytes(const CoordinateSetParams& params);
void coordinate_set_count(const CoordinateSetParams& params, ParallelFor parallel_for);
void coordinate_set_fill(const CoordinateSetParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
int64_t coordinate_set_workspace_bytes(const CoordinateSetParams& params);
Status coordinate_set_count(const CoordinateSetParams& params, void* stream);
Status coordinate_set_fill(const CoordinateSetParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
