// generative_set: the canonical set of all p + offset over a canonical set of parents p.
#pragma once

#include <cstdint>

#include "completion/offsets.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct GenerativeSetParams {
  const int64_t* keys;      // [N] canonical parents
  int64_t num_rows;         // N; N · K < 2³¹
  KernelOffsets offsets;    // K offsets in finest voxels
  int64_t* counts;          // [4] out of count: M children; not 0 where children are out of range; and the two of fill
  void* workspace;          // scratch; what count leaves in it is read by fill
  int64_t workspace_bytes;  // at least generative_set_workspace_bytes(params)
  int64_t* child_keys;      // [M] out of fill: ascending, unique; null in count
  int64_t num_bricks;       // counts[2], for fill: groups of children, which CUDA puts in order instead of the children
  int64_t brick_differences;  // counts[3], for fill: bits in which the Gray codes of CUDA's groups differ
};

namespace cpu {
int64_t generative_set_workspace_bytes(const GenerativeSetParams& params);
void generative_set_count(const GenerativeSetParams& params, ParallelFor parallel_for);
void generative_set_fill(const GenerativeSetParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
int64_t generative_set_workspace_bytes(const GenerativeSetParams& params);
Status generative_set_count(const GenerativeSetParams& params, void* stream);
Status generative_set_fill(const GenerativeSetParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
