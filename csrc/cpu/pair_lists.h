// The pairs that exist in a block of table rows, listed by offset: what both convolution products walk over.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "convolution_tiles.h"

namespace completion::cpu {

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

/// The pairs of one block for the offsets first_offset … last_offset − 1. Each list ends with room for kListSlack more,
/// filled with copies of its last pair: a tile that reaches over the end does that pair's work again, to the same bits.
class PairLists {
 public:
  static constexpr int64_t kCapacity = kBlockRows + kListSlack;  // of a list; the next one follows

  PairLists(int64_t num_offsets, int64_t first_offset, int64_t last_offset)
      : num_offsets_(num_offsets),
        first_(first_offset),
        width_(last_offset - first_offset),
        sources_(width_ * kCapacity),
        rows_(width_ * kCapacity),
        counts_(width_) {}

  /// Lists the pairs of the table rows begin … end − 1 (at most kBlockRows) with entries in range; rows count from
  /// begin.
  void list(const int32_t* table, int64_t begin, int64_t end, EntryRange range = {0, INT32_MAX}) {
    const ListTarget target{sources_.data(), rows_.data(), counts_.data(), kCapacity};
    tile_kernels<float>().list(table + begin * num_offsets_ + first_, num_offsets_, end - begin, width_, range, target);
    for (int64_t k = 0; k < width_; ++k) {
      const int64_t count = counts_[k];
      if (count == 0) continue;
      std::fill_n(&sources_[k * kCapacity + count], kListSlack, sources_[k * kCapacity + count - 1]);
      std::fill_n(&rows_[k * kCapacity + count], kListSlack, rows_[k * kCapacity + count - 1]);
    }
  }

  /// Puts the first pairs of the list that comes next beyond the end of each, for outer products, which fetch ahead.
  /// Tiles that reach over the end want copies of the last pair there: not for them.
  void chain() {
    int64_t next = -1;
    for (int64_t k = width_; k-- > 0;) {
      if (counts_[k] == 0) continue;
      if (next >= 0) {
        std::copy_n(&sources_[next * kCapacity], kListSlack, &sources_[k * kCapacity + counts_[k]]);
        std::copy_n(&rows_[next * kCapacity], kListSlack, &rows_[k * kCapacity + counts_[k]]);
      }
      next = k;
    }
  }

  Pairs operator[](int64_t offset) const {
    const int64_t k = offset - first_;
    return {&sources_[k * kCapacity], &rows_[k * kCapacity], counts_[k]};
  }

 private:
  int64_t num_offsets_, first_, width_;
  std::vector<int32_t> sources_;  // [offsets, capacity]
  std::vector<uint8_t> rows_;     // [offsets, capacity]
  std::vector<int64_t> counts_;   // [offsets]
};

}  // namespace completion::cpu
