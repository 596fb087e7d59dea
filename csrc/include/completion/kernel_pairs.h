// kernel_pairs: the pairs of kernel_map seen from the source, with a place for each pair that a source row can have
// instead of one for each offset: what a layer between two strides needs, where few offsets can meet one row of the
// finer set. And the order of the source rows by these pairs.
#pragma once

#include <cstdint>

#include "completion/key.h"
#include "completion/offsets.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

constexpr int32_t kPairOffsets = 64;    // offsets that a pair can name
constexpr int32_t kPairSlots = 32;      // of a row at most
constexpr int64_t kPairRows = 1 << 25;  // target rows that a pair can name

/// A target row below 2²⁵ and an offset as one number.
COMPLETION_HD int32_t pack_pair(int32_t row, int32_t offset) { return row * kPairOffsets + offset; }
/// Of −1, which is no pair, these are −1 and 63: an offset alone does not say that there is one.
COMPLETION_HD int32_t row_of_pair(int32_t pair) { return pair >> 6; }
COMPLETION_HD int32_t offset_of_pair(int32_t pair) { return pair & (kPairOffsets - 1); }

struct KernelPairsParams {
  const int64_t* source_keys;   // [N] canonical
  const int64_t* target_keys;   // [M] canonical
  int64_t num_source;           // N < 2³¹
  int64_t num_target;           // M ≤ 2²⁵
  KernelOffsets offsets;        // K ≤ kPairOffsets offsets in finest voxels
  int32_t num_slots;            // S ≤ kPairSlots
  int32_t slots[kPairOffsets];  // [K] the slot of each offset, below S; no source row has two pairs in one slot
  int32_t* pairs;           // [N, S] out: pairs[n, slots[k]] = pack_pair(m, k) where source n lies at target m + offset
                            // k, −1 elsewhere
  int32_t* order;           // [N] out: row_order of the pairs
  int32_t* offset_slots;    // [K] out: slots, where a product finds them beside the pairs
  void* workspace;          // scratch
  int64_t workspace_bytes;  // at least kernel_pairs_workspace_bytes(params)
};

namespace cpu {
int64_t kernel_pairs_workspace_bytes(const KernelPairsParams& params);
void kernel_pairs(const KernelPairsParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
int64_t kernel_pairs_workspace_bytes(const KernelPairsParams& params);
Status kernel_pairs(const KernelPairsParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
