// row_order on the CPU: each window sorted by the rank of its rows' masks, then by row.
#include "completion/row_order.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace completion::cpu {
namespace {

/// Bit k % 64 is set where the row has a neighbour at offset k.
uint64_t mask_of(const int32_t* row, int32_t num_offsets) {
  uint64_t mask = 0;
  for (int32_t k = 0; k < num_offsets; ++k) mask |= static_cast<uint64_t>(row[k] >= 0) << (k % 64);
  return mask;
}

uint64_t rank_of(const int32_t* pairs, int32_t num_slots) {
  PairsRank rank;
  for (int32_t slot = 0; slot < num_slots; ++slot) rank.add(slot, pairs[slot]);
  return rank.rank(num_slots);
}

}  // namespace

int64_t row_order_workspace_bytes(const RowOrderParams&) { return 0; }

void row_order(const RowOrderParams& params, ParallelFor parallel_for) {
  const int64_t size = window_of(params);
  const int64_t windows = (params.num_target + size - 1) / size;
  for_ranges(parallel_for, 0, windows, 1, [&](int64_t begin, int64_t end) {
    std::vector<std::pair<uint64_t, int32_t>> rows;
    for (int64_t window = begin; window < end; ++window) {
      const int64_t first = window * size;
      const int64_t last = std::min(first + size, params.num_target);
      rows.clear();
      for (int64_t row = first; row < last; ++row) {
        const int32_t* const entries = params.table + row * params.num_offsets;
        const uint64_t rank = params.holds_pairs
                                  ? rank_of(entries, params.num_offsets)
                                  : rank_of_mask(mask_of(entries, params.num_offsets), params.num_offsets);
        rows.emplace_back(rank, static_cast<int32_t>(row));
      }
      std::sort(rows.begin(), rows.end());
      for (int64_t row = first; row < last; ++row) params.order[row] = rows[row - first].second;
    }
  });
}

}  // namespace completion::cpu
