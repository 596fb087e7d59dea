// Where kernel offsets lead from each cell of a 4³ brick, so that sets are looked up and made brick by brick.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "bricks.h"
#include "completion/key.h"
#include "completion/offsets.h"

namespace completion::cpu {

/// Code bits that any of the offsets touches.
inline uint64_t used_bits(const KernelOffsets& offsets) {
  uint64_t bits = 0;
  for (int32_t k = 0; k < offsets.count; ++k) {
    const MortonOffset offset = morton_offset(offsets.xyz[3 * k], offsets.xyz[3 * k + 1], offsets.xyz[3 * k + 2]);
    bits |= offset.x | offset.y | offset.z;
  }
  return bits;
}

inline int32_t floor_divide(int32_t value, int32_t divisor) {
  return (value - ((value % divisor + divisor) % divisor)) / divisor;
}

/// A brick that offsets lead to from one cell, and the cells in it that they lead to.
struct Neighbour {
  uint32_t brick;  // index among the bricks of the neighbourhood
  uint64_t cells;
};

/// Where each offset leads from each of the 64 cells of a brick: to which neighbouring brick, and to which cell in it.
struct Neighbourhood {
  struct Span {
    const Neighbour *first, *last;
    const Neighbour* begin() const { return first; }
    const Neighbour* end() const { return last; }
  };

  std::vector<MortonOffset> bricks;  // the neighbours that any pair of cell and offset meets
  std::vector<uint32_t> entries;     // [64, K] index of the neighbour << 6 | cell

  Neighbourhood(const KernelOffsets& offsets, int unit_shift) : entries(64 * offsets.count) {
    const int32_t unit = 1 << (unit_shift / 3);
    std::map<std::array<int32_t, 3>, uint32_t> indices;
    for (uint32_t cell = 0; cell < 64; ++cell) {
      for (int32_t k = 0; k < offsets.count; ++k) {
        std::array<int32_t, 3> brick{}, within{};
        for (int axis = 0; axis < 3; ++axis) {
          const auto from = static_cast<int32_t>(gather_bits(cell >> axis));
          const int32_t to = from + offsets.xyz[3 * k + axis] / unit;
          brick[axis] = floor_divide(to, 4);
          within[axis] = to - 4 * brick[axis];
        }
        const auto [found, added] = indices.try_emplace(brick, static_cast<uint32_t>(bricks.size()));
        if (added) bricks.push_back(morton_offset(4 * unit * brick[0], 4 * unit * brick[1], 4 * unit * brick[2]));
        const uint64_t to_cell = spread_bits(within[0]) | spread_bits(within[1]) << 1 | spread_bits(within[2]) << 2;
        entries[cell * offsets.count + k] = found->second << kCellBits | static_cast<uint32_t>(to_cell);
        add(cell, found->second, uint64_t{1} << to_cell);
      }
      first_[cell + 1] = neighbours_.size();
    }
  }

  /// The bricks that the offsets lead to from this cell, each once.
  Span of_cell(uint64_t cell) const {
    return {neighbours_.data() + first_[cell], neighbours_.data() + first_[cell + 1]};
  }

 private:
  void add(uint32_t cell, uint32_t brick, uint64_t cells) {
    for (size_t i = first_[cell]; i < neighbours_.size(); ++i) {
      if (neighbours_[i].brick != brick) continue;
      neighbours_[i].cells |= cells;
      return;
    }
    neighbours_.push_back({brick, cells});
  }

  std::vector<Neighbour> neighbours_;  // of all cells in order
  std::array<size_t, 65> first_{};     // of each cell, and their end
};

}  // namespace completion::cpu
