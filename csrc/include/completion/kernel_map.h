// kernel_map: source row at (target + offset) for each target row and offset; reverse_map: the same pairs seen from the
// source.
#pragma once

#include <cstdint>

#include "completion/offsets.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct KernelMapParams {
  const int64_t* source_keys;  // [N] canonical
  const int64_t* target_keys;  // [M] canonical
  int64_t num_source;          // N < 2³¹
  int64_t num_target;          // M < 2³¹
  KernelOffsets offsets;       // K offsets in finest voxels
  int32_t* table;              // [M, K] out: source row of target + offset, −1 where none or out of range
  void* workspace;             // scratch
  int64_t workspace_bytes;     // at least kernel_map_workspace_bytes(params)
};

struct ReverseMapParams {
  const int32_t* table;  // [M, K] source rows, −1 = none; no source row occurs twice in a column
  int64_t num_target;    // M
  int64_t num_source;    // N
  int32_t num_offsets;   // K
  int32_t* reverse;      // [N, K] out: reverse[table[m, k], k] = m, −1 elsewhere
};

namespace cpu {
int64_t kernel_map_workspace_bytes(const KernelMapParams& params);
void kernel_map(const KernelMapParams& params, ParallelFor parallel_for);
void reverse_map(const ReverseMapParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
int64_t kernel_map_workspace_bytes(const KernelMapParams& params);
Status kernel_map(const KernelMapParams& params, void* stream);
Status reverse_map(const ReverseMapParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
