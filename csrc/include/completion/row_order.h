// row_order: the rows of a neighbour table so that rows which have the same neighbours lie side by side.
//
// Tiles of rows in this order walk few offsets that only some of their rows have. Rows move within windows alone, so
// that neighbours in space, whose features are read together, stay close.
#pragma once

#include <cstdint>

#include "completion/kernel_pairs.h"
#include "completion/key.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct RowOrderParams {
  const int32_t* table;     // [M, K] source row or −1; or [M, S] pairs of kernel_pairs
  int64_t num_target;       // M < 2³¹
  int32_t num_offsets;      // K, or S ≤ kPairSlots
  bool holds_pairs;         // the table does
  int32_t* order;           // [M] out: each row once; by window, then by rank of the mask, then by row
  void* workspace;          // scratch
  int64_t workspace_bytes;  // at least row_order_workspace_bytes(params)
};

constexpr int32_t kSmallWindow = 4096;    // rows that one block sorts in shared memory
constexpr int32_t kLargeWindow = 65536;   // whose features a large cache holds
constexpr int32_t kPairWindow = 1 << 20;  // of a finer set, whose sources are several times fewer
constexpr int32_t kRankBits = 48;         // of a rank at most

/// Rows of a window. Few rows are sorted in small windows, by one launch.
COMPLETION_HD int32_t window_of(const RowOrderParams& params) {
  if (params.num_target <= 4 * kSmallWindow) return kSmallWindow;
  return params.holds_pairs ? kPairWindow : kLargeWindow;
}

/// Place of a mask, one bit an offset, among all masks when each differs from the next in one bit (the Gray code): rows
/// with like masks come close. Offsets beyond 64 share the bits of the first; of more than 48, the last 48 count.
COMPLETION_HD uint64_t rank_of_mask(uint64_t mask, int32_t num_offsets) {
  for (int shift = 1; shift < 64; shift *= 2) mask ^= mask >> shift;
  return num_offsets <= kRankBits ? mask : mask >> (num_offsets < 64 ? num_offsets - kRankBits : 64 - kRankBits);
}

/// Rank of a row of pairs: its lowest offset, which says what others it can have, then which slots it fills.
struct PairsRank {
  uint64_t filled = 0;
  int32_t lowest = kPairOffsets - 1;

  COMPLETION_HD void add(int32_t slot, int32_t pair) {
    if (pair < 0) return;
    filled |= uint64_t{1} << slot;
    lowest = offset_of_pair(pair) < lowest ? offset_of_pair(pair) : lowest;
  }

  COMPLETION_HD uint64_t rank(int32_t num_slots) const { return static_cast<uint64_t>(lowest) << num_slots | filled; }
};

/// Bits of the ranks of a table's rows.
COMPLETION_HD int32_t rank_bits_of(const RowOrderParams& params) {
  if (params.holds_pairs) return 6 + params.num_offsets;
  return params.num_offsets < kRankBits ? params.num_offsets : kRankBits;
}

namespace cpu {
int64_t row_order_workspace_bytes(const RowOrderParams& params);
void row_order(const RowOrderParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
int64_t row_order_workspace_bytes(const RowOrderParams& params);
Status row_order(const RowOrderParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
