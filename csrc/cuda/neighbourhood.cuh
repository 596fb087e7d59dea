// Where kernel offsets lead from each cell of a 4³ brick: to which neighbouring brick, and to which cell in it. Tables
// in shared memory; owns no set.
//
// A brick is 4³ units (unit.cuh), the voxels whose codes agree above the lowest 3 · unit_bits + 6 bits: neighbours in
// the canonical order. Its cells are counted in Morton order too.
#pragma once

#include "completion/key.h"
#include "completion/offsets.h"
#include "unit.cuh"

namespace completion::cuda {

constexpr int kCellBits = 6;
constexpr int kBrickCells = 64;
constexpr int kMaxNeighbours = 27;  // of all kernels that reach no further than the next brick
constexpr int kOffUnit = 0x8000;    // the offset leads to no cell that the other set can have

/// Lowest and highest offset on each axis.
struct Reach {
  int32_t low[3], high[3];
};

inline Reach reach_of(const KernelOffsets& offsets) {
  Reach reach = {};
  for (int i = 0; i < 3 * offsets.count; ++i) {
    const int axis = i % 3;
    if (i < 3 || offsets.xyz[i] < reach.low[axis]) reach.low[axis] = offsets.xyz[i];
    if (i < 3 || offsets.xyz[i] > reach.high[axis]) reach.high[axis] = offsets.xyz[i];
  }
  return reach;
}

/// The box of bricks that offsets reach from the cells of one, in bricks relative to it.
struct BrickBox {
  int32_t low[3], size[3];

  COMPLETION_HD int64_t volume() const { return static_cast<int64_t>(size[0]) * size[1] * size[2]; }
};

/// Cells whose places are multiples of 1 << bits on every axis: all, every second, or a brick's first alone.
struct Spread {
  int bits;

  COMPLETION_HD static Spread all_cells() { return {0}; }

  /// Of the cells of a set, whose unit may be larger than the bricks'.
  COMPLETION_HD static Spread of(int set_unit_bits, int unit_bits) {
    return {set_unit_bits - unit_bits < 2 ? set_unit_bits - unit_bits : 2};
  }
};

/// From cells of one spread to cells of another.
COMPLETION_HD BrickBox box_of(const Reach& reach, int unit_bits, Spread from, Spread to) {
  const int last_place = 4 - (1 << from.bits), step = 1 << (unit_bits + to.bits);
  BrickBox box;
  for (int axis = 0; axis < 3; ++axis) {
    const int32_t low = (reach.low[axis] + step - 1) & -step;  // what lies between leads nowhere
    const int32_t high = (reach.high[axis] + (last_place << unit_bits)) & -step;
    box.low[axis] = low >> (unit_bits + 2);
    box.size[axis] = (high >> (unit_bits + 2)) - box.low[axis] + 1;
  }
  return box;
}

/// Place of a cell on the three axes, two bits each, x lowest.
COMPLETION_HD int axes_of_cell(int cell) {
  int axes = 0;
  for (int axis = 0; axis < 3; ++axis) axes |= ((cell >> axis & 1) | (cell >> (axis + 2) & 2)) << (2 * axis);
  return axes;
}

/// Exponent of the largest power of two of which all offsets are multiples.
inline int unit_bits_of_offsets(const KernelOffsets& offsets) {
  uint32_t all = 1u << kMaxUnitBits;
  for (int i = 0; i < 3 * offsets.count; ++i) all |= static_cast<uint32_t>(offsets.xyz[i]);
  int bits = 0;
  while ((all >> bits & 1u) == 0) ++bits;
  return bits;
}

struct Neighbourhood {
  int num_bricks;                       // 0 where the offsets reach too many bricks to list
  MortonOffset bricks[kMaxNeighbours];  // from the lowest corner of a brick to that of each neighbour
  uint16_t steps[3][4][kMaxOffsets];    // each axis' share of `entry`, by place in the cell and offset

  /// Index of the neighbour << kCellBits | cell in it, to which offset k leads from a cell (given by its axes);
  /// kOffUnit or more where it leads to no cell of the other set.
  COMPLETION_HD int entry(int axes, int k) const {
    return steps[0][axes & 3][k] + steps[1][axes >> 2 & 3][k] + steps[2][axes >> 4][k];
  }
};

/// One axis' share of an entry.
COMPLETION_HD int axis_step(int place, int32_t offset, int unit_bits, Spread spread, int axis, const BrickBox& box) {
  const int32_t to = (place << unit_bits) + offset;
  if ((to & ((1 << (unit_bits + spread.bits)) - 1)) != 0) return kOffUnit;
  const int cell = to >> unit_bits & 3;
  const int brick = (to >> (unit_bits + 2)) - box.low[axis];
  const int bricks_before = axis == 0 ? brick : axis == 1 ? brick * box.size[0] : brick * box.size[0] * box.size[1];
  return bricks_before << kCellBits | (cell & 1) << axis | (cell >> 1) << (axis + 3);
}

/// Fills the tables, for cells as box_of has them, by all threads of a block of kBlockThreads; ends with a barrier.
__device__ __forceinline__ void fill_neighbourhood(const KernelOffsets& offsets, const Reach& reach, int unit_bits,
                                                   Spread from, Spread to, Neighbourhood* neighbourhood) {
  const BrickBox box = box_of(reach, unit_bits, from, to);
  const bool listed = box.volume() <= kMaxNeighbours;
  const int thread = block_thread();
  if (thread == 0) neighbourhood->num_bricks = listed ? static_cast<int>(box.volume()) : 0;
  if (listed && thread < box.volume()) {
    const int x = thread % box.size[0], y = thread / box.size[0] % box.size[1], z = thread / box.size[0] / box.size[1];
    const int shift = unit_bits + 2;
    neighbourhood->bricks[thread] = morton_offset((box.low[0] + x) * (1 << shift), (box.low[1] + y) * (1 << shift),
                                                  (box.low[2] + z) * (1 << shift));
  }
  for (int i = thread; listed && i < 3 * offsets.count; i += kBlockThreads) {
    const int axis = i % 3;
    for (int place = 0; place < 4; place += 1 << from.bits) {
      neighbourhood->steps[axis][place][i / 3] =
          static_cast<uint16_t>(axis_step(place, offsets.xyz[i], unit_bits, to, axis, box));
    }
  }
  __syncthreads();
}

}  // namespace completion::cuda
