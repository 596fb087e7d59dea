// strided_set: the parents floor(x / stride) · stride of a canonical set, and the parent row of each child.
#pragma once

#include <cstdint>

#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct StridedSetParams {
  const int64_t* keys;      // [N] canonical
  int64_t num_rows;         // N < 2³¹
  int32_t stride[3];        // x, y, z in finest voxels, each ≥ 1; floor division toward −∞
  int64_t* counts;          // [2] out of count: M parents; number of children whose parent is out of range
  void* workspace;          // scratch; what count leaves in it is read by fill
  int64_t workspace_bytes;  // at least strided_set_workspace_bytes(params)
  int64_t* parent_keys;     // [M] out of fill: canonical; null in count
  int32_t* parent;          // [N] out of fill: parent row of each child; null in count
};

/// True when parents of ascending keys are ascending (one power of two on all axes): then a scan suffices, else a sort
/// is needed.
inline bool strided_order_kept(const int32_t* stride) {
  const bool power = stride[0] > 0 && (stride[0] & (stride[0] - 1)) == 0 && stride[0] <= 32768;
  return power && stride[0] == stride[1] && stride[1] == stride[2];
}

namespace cpu {
int64_t strided_set_workspace_bytes(const StridedSetParams& params);
void strided_set_count(const StridedSetParams& params, ParallelFor parallel_for);
void strided_set_fill(const StridedSetParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
int64_t strided_set_workspace_bytes(const StridedSetParams& params);
Status strided_set_count(const StridedSetParams& params, void* stream);
Status strided_set_fill(const StridedSetParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
