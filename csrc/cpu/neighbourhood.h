// Where kernel offsets lead from each cell of a 4³ brick, so that sets are looked up and made brick by brick.
#pragma once

#include <algorithm>
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

/// Where an offset leads on one axis from one of four places in a brick.
struct AxisStep {
  uint32_t brick;  // index among the axis' bricks
  uint32_t cell;   // the axis' bits of the cell there, at those of x
};

/// All steps of one axis: cells share them, so that each is worked out once, not for 64 cells.
struct AxisSteps {
  std::vector<int32_t> bricks;  // relative to the cell's own

  AxisSteps(const KernelOffsets& offsets, int axis, int32_t unit) : count_(offsets.count), steps_(4 * offsets.count) {
    for (int32_t place = 0; place < 4; ++place) {
      for (int32_t k = 0; k < count_; ++k) {
        const int32_t to = place + offsets.xyz[3 * k + axis] / unit;
        const int32_t brick = floor_divide(to, 4);
        const auto found = std::find(bricks.begin(), bricks.end(), brick);
        steps_[place * count_ + k] = {static_cast<uint32_t>(found - bricks.begin()),
                                      static_cast<uint32_t>(spread_bits(static_cast<uint32_t>(to - 4 * brick)))};
        if (found == bricks.end()) bricks.push_back(brick);
      }
    }
  }

  /// [K] from a cell whose bits of this axis stand at those of x.
  const AxisStep* from(uint32_t cell) const { return steps_.data() + gather_bits(cell) * count_; }

 private:
  int32_t count_;
  std::vector<AxisStep> steps_;  // [4, K] by place
};

/// Index of the brick at each place of a box, −1 where there is none yet; a table for boxes as kernels have them.
class BrickIndices {
 public:
  explicit BrickIndices(size_t volume) : near_(volume <= kMostNear ? volume : 0, -1) {}

  int32_t& at(size_t place) { return near_.empty() ? far_.try_emplace(place, -1).first->second : near_[place]; }

 private:
  static constexpr size_t kMostNear = 4096;  // scattered offsets make boxes of millions
  std::vector<int32_t> near_;
  std::map<size_t, int32_t> far_;
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
    const AxisSteps x(offsets, 0, unit), y(offsets, 1, unit), z(offsets, 2, unit);
    BrickIndices indices(x.bricks.size() * y.bricks.size() * z.bricks.size());
    for (uint32_t cell = 0; cell < 64; ++cell) {
      const AxisStep *const from_x = x.from(cell), *const from_y = y.from(cell >> 1), *const from_z = z.from(cell >> 2);
      for (int32_t k = 0; k < offsets.count; ++k) {
        const uint32_t i = from_x[k].brick, j = from_y[k].brick, l = from_z[k].brick;
        int32_t& index = indices.at(i + x.bricks.size() * (j + y.bricks.size() * l));
        if (index < 0) {
          index = static_cast<int32_t>(bricks.size());
          bricks.push_back(morton_offset(4 * unit * x.bricks[i], 4 * unit * y.bricks[j], 4 * unit * z.bricks[l]));
        }
        const uint32_t to_cell = from_x[k].cell | from_y[k].cell << 1 | from_z[k].cell << 2;
        entries[cell * offsets.count + k] = static_cast<uint32_t>(index) << kCellBits | to_cell;
        add(cell, static_cast<uint32_t>(index), uint64_t{1} << to_cell);
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
