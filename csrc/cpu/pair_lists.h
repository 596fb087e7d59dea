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

/// Rows of a block: few enough that their sums stay close, many enough that tiles are full (measured: 256 at K = 27).
inline int64_t block_rows(int64_t num_offsets) {
  const int64_t rows = 16384 / num_offsets / 8 * 8;
  return rows > 256 ? 256 : rows < 64 ? 64 : rows;
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

/// columns[k * column_stride] has bit r where rows[r] has bit k, k < count ≤ 32.
inline void transpose_bits(const uint32_t (&rows)[64], int64_t count, uint64_t* columns, int64_t column_stride) {
  for (int64_t k = 0; k < count; ++k) {
    uint64_t column = 0;
#ifdef __SSE2__
    for (int r = 0; r < 64; r += 4) {  // bit k becomes the sign bit of four rows at once
      const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + r));
      const __m128i signs = _mm_sll_epi32(bits, _mm_cvtsi32_si128(static_cast<int>(31 - k)));
      column |= static_cast<uint64_t>(_mm_movemask_ps(_mm_castsi128_ps(signs))) << r;
    }
#else
    for (int r = 0; r < 64; ++r) column |= static_cast<uint64_t>(rows[r] >> k & 1) << r;
#endif
    columns[k * column_stride] = column;
  }
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

/// The pairs of one block for the offsets first_offset … last_offset − 1, as a bit for each offset and row.
class PairLists {
 public:
  PairLists(int64_t num_offsets, int64_t first_offset, int64_t last_offset)
      : num_offsets_(num_offsets),
        first_(first_offset),
        width_(last_offset - first_offset),
        words_((block_rows(num_offsets) + 63) / 64),
        bits_(width_ * words_) {}

  /// Finds the pairs of the table rows begin … end − 1 (at most block_rows); rows count from begin.
  void list(const int32_t* table, int64_t begin, int64_t end) {
    used_words_ = (end - begin + 63) / 64;
    columns_ = table + begin * num_offsets_ + first_;
    for (int64_t k = 0; k < width_; k += 32) {
      const int64_t count = std::min<int64_t>(32, width_ - k);
      for (int64_t word = 0; word < used_words_; ++word) {
        const int64_t rows = std::min<int64_t>(64, end - begin - word * 64);
        uint32_t present[64] = {};
        const int32_t* row = columns_ + word * 64 * num_offsets_ + k;
        for (int64_t r = 0; r < rows; ++r, row += num_offsets_) present[r] = present_bits(row, count);
        transpose_bits(present, count, &bits_[k * words_ + word], words_);
      }
    }
  }

  Pairs operator[](int64_t offset) const {
    const int64_t k = offset - first_;
    return {&bits_[k * words_], used_words_, columns_ + k, num_offsets_};
  }

 private:
  int64_t num_offsets_, first_, width_, words_;
  int64_t used_words_ = 0;
  const int32_t* columns_ = nullptr;
  std::vector<uint64_t> bits_;  // [offsets, words]
};

inline bool is_empty(const Pairs& pairs) {
  return std::all_of(pairs.rows, pairs.rows + pairs.num_words, [](uint64_t rows) { return rows == 0; });
}

}  // namespace completion::cpu
