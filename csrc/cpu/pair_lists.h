// The pairs that exist in a block of table rows, listed by offset: what both convolution products walk over.
#pragma once

#include <cstdint>
#include <vector>

#include "convolution_tiles.h"

namespace completion::cpu {

/// Rows of a block: as many as keep the lists of all K offsets in the second-level cache.
inline int64_t block_rows(int64_t num_offsets) {
  const int64_t rows = 16384 / num_offsets / 8 * 8;
  return rows > 512 ? 512 : rows < 64 ? 64 : rows;
}

/// Pair lists of one block for the offsets first_offset … last_offset − 1.
class PairLists {
 public:
  PairLists(int64_t num_offsets, int64_t first_offset, int64_t last_offset)
      : num_offsets_(num_offsets),
        first_(first_offset),
        last_(last_offset),
        rows_(block_rows(num_offsets)),
        sources_((last_offset - first_offset) * (rows_ + 1)),
        targets_((last_offset - first_offset) * (rows_ + 1)),
        counts_(last_offset - first_offset) {}

  /// Lists the pairs of the table rows begin … end − 1 (at most block_rows); targets count from begin.
  void list(const int32_t* table, int64_t begin, int64_t end) {
    const int64_t width = last_ - first_, stride = rows_ + 1;
    for (int64_t k = 0; k < width; ++k) counts_[k] = 0;
    for (int64_t m = begin; m < end; ++m) {
      const int32_t* row = table + m * num_offsets_ + first_;
      for (int64_t k = 0; k < width; ++k) {
        // Written always, counted only where a pair exists: no branch to mispredict.
        const int64_t at = k * stride + counts_[k];
        sources_[at] = row[k];
        targets_[at] = static_cast<int32_t>(m - begin);
        counts_[k] += row[k] >= 0 ? 1 : 0;
      }
    }
  }

  Pairs operator[](int64_t offset) const {
    const int64_t k = offset - first_;
    return {sources_.data() + k * (rows_ + 1), targets_.data() + k * (rows_ + 1), counts_[k]};
  }

 private:
  int64_t num_offsets_, first_, last_, rows_;
  std::vector<int32_t> sources_, targets_;
  std::vector<int64_t> counts_;
};

}  // namespace completion::cpu
