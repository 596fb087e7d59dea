// reverse_pairs: a neighbour table seen from its sources, with a place for each pair that a source row can have instead
// of one for each offset: what a layer between two strides needs, where few offsets can meet one row of the finer set.
#pragma once

#include <cstdint>

#include "completion/key.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

constexpr int32_t kPairOffsets = 64;  // offsets that a pair can name
constexpr int32_t kPairSlots = 32;    // of a row at most

/// A target row below 2²⁵ and an offset as one number.
COMPLETION_HD int32_t pack_pair(int32_t row, int32_t offset) { return row * kPairOffsets + offset; }
/// Of −1, which is no pair, these are −1 and 63: an offset alone does not say that there is one.
COMPLETION_HD int32_t row_of_pair(int32_t pair) { return pair >> 6; }
COMPLETION_HD int32_t offset_of_pair(int32_t pair) { return pair & (kPairOffsets - 1); }

struct ReversePairsParams {
  const int32_t* table;         // [M, K] source rows, −1 = none; no source row has two pairs in one slot
  int64_t num_target;           // M ≤ 2²⁵
  int64_t num_source;           // N
  int32_t num_offsets;          // K ≤ kPairOffsets
  int32_t num_slots;            // S ≤ kPairSlots
  int32_t slots[kPairOffsets];  // [K] the slot of each offset, below S
  int32_t* pairs;               // [N, S] out: pairs[table[m, k], slots[k]] = pack_pair(m, k), −1 elsewhere
};

namespace cpu {
void reverse_pairs(const ReversePairsParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
Status reverse_pairs(const ReversePairsParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
