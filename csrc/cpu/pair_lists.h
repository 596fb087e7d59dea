// The pairs that exist in a block of table rows, listed by offset: what both convolution products walk over.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <cstdint>
#include <vector>

#include "convolution_tiles.h"

namespace completion::cpu {

/// Rows of a block: as many as keep the lists of all K offsets in the second-level cache.
inline int64_t block_rows(int64_t num_offsets) {
  const int64_t rows = 16384 / num_offsets / 8 * 8;
  return rows > 512 ? 512 : rows < 64 ? 64 : rows;
}

/// Bit k is set where row[k] is not −1, k < count ≤ 32.
inline uint32_t present_bits(const int32_t* row, int64_t count) {
  uint32_t absent = 0;
  int64_t k = 0;
#ifdef __SSE2__
  for (; k + 4 <= count; k += 4) {  // the sign bits of four entries at once
    const __m128i entries = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + k));
    absent |= static_cast<uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(entries))) << k;
  }
#endif
  for (; k < count; ++k) absent |= static_cast<uint32_t>(row[k] < 0) << k;
  return ~absent & static_cast<uint32_t>((uint64_t{1} << count) - 1);
}

/// used[k]: some row of the table has offset k. Looks no further than it must.
inline void mark_used_offsets(const int32_t* table, int64_t num_rows, int64_t num_offsets, bool* used) {
  std::fill_n(used, num_offsets, false);
  int64_t missing = num_offsets;
  for (int64_t row = 0; row < num_rows && missing > 0; ++row) {
    for (int64_t k = 0; k < num_offsets; ++k) {
      if (used[k] || table[row * num_offsets + k] < 0) continue;
      used[k] = true;
      --missing;
    }
  }
}

/// Pair lists of one block for the offsets first_offset … last_offset − 1.
class PairLists {
 public:
  PairLists(int64_t num_offsets, int64_t first_offset, int64_t last_offset)
      : num_offsets_(num_offsets),
        first_(first_offset),
        width_(last_offset - first_offset),
        rows_(block_rows(num_offsets)),
        pairs_(width_ * rows_),
        ends_(width_) {}

  /// Lists the pairs of the table rows begin … end − 1 (at most block_rows); targets count from begin.
  void list(const int32_t* table, int64_t begin, int64_t end) {
    for (int64_t k = 0; k < width_; ++k) ends_[k] = pairs_.data() + k * rows_;
    Pair** const ends = ends_.data();
    const int64_t width = width_;
    const int32_t* row = table + begin * num_offsets_ + first_;
    for (int32_t target = 0; target < end - begin; ++target, row += num_offsets_) {
      for (int64_t k = 0; k < width; k += 32) {
        uint32_t present = present_bits(row + k, std::min<int64_t>(32, width - k));
        for (; present != 0; present &= present - 1) {
          const int64_t at = k + __builtin_ctz(present);
          *ends[at]++ = {row[at], target};
        }
      }
    }
  }

  Pairs operator[](int64_t offset) const {
    const Pair* data = pairs_.data() + (offset - first_) * rows_;
    return {data, ends_[offset - first_] - data};
  }

 private:
  int64_t num_offsets_, first_, width_, rows_;
  std::vector<Pair> pairs_;
  std::vector<Pair*> ends_;  // one past the last pair of each offset
};

}  // namespace completion::cpu
