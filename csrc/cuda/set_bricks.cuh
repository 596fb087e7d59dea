// The 4³ bricks of a canonical set in a hash, to look rows up by code. Two kernels make them.
#pragma once

#include "brick_hash.cuh"
#include "completion/key.h"
#include "launch.cuh"
#include "unit.cuh"

namespace completion::cuda {

/// A canonical set as bricks: an occupancy word and the row of the first voxel. The others follow in Morton order.
struct SetBricks {
  const int64_t* keys;  // [N]
  int32_t* slots;       // [num_slots] row of a brick's first voxel, or −1
  uint64_t* occupancy;  // [N] at rows that are first in their brick: one bit for each cell
  Partials partials;    // of scan_codes
  int32_t* unit_bits;   // [2] of the bricks, and of the set, which may be larger
  int32_t num_rows;     // N
  uint32_t num_slots;   // > N, so that each search meets an empty slot
  int max_unit_bits;    // of the bricks
};

/// Row of the brick's first voxel, −1 where the set has none.
__device__ __forceinline__ int32_t find_brick(const SetBricks& set, uint64_t brick, int unit_bits) {
  uint32_t slot = first_slot(brick, set.num_slots);
  while (true) {
    const int32_t row = set.slots[slot];
    if (row < 0 || brick_of(key_to_code(set.keys[row]), unit_bits) == brick) return row;
    slot = next_slot(slot, set.num_slots);
  }
}

/// Row of a cell in a brick, −1 where it is empty.
__device__ __forceinline__ int32_t row_of_cell(uint64_t occupancy, int32_t first_row, int cell) {
  const int32_t row = first_row + __popcll(occupancy & ((1ull << cell) - 1));
  return (occupancy >> cell & 1u) != 0 ? row : -1;
}

/// Row of a code, −1 where it is absent.
__device__ __forceinline__ int32_t find_code(const SetBricks& set, uint64_t code, int unit_bits) {
  if (!on_unit(code, unit_bits)) return -1;
  const int32_t first_row = find_brick(set, brick_of(code, unit_bits), unit_bits);
  return first_row < 0 ? -1 : row_of_cell(set.occupancy[first_row], first_row, cell_of(code, unit_bits));
}

/// Bits of the cells of `brick` in the rows from `row` on, a multiple of the warp's size; for every lane.
__device__ __forceinline__ uint64_t cells_from(const SetBricks& set, int unit_bits, uint64_t brick, int64_t row) {
  uint64_t cells = 0;
  for (unsigned alike = kFullWarp; alike == kFullWarp; row += kWarpThreads) {
    const int64_t own = row + threadIdx.x % kWarpThreads;
    const uint64_t code = own < set.num_rows ? key_to_code(set.keys[own]) : 0;
    const bool is_alike = own < set.num_rows && brick_of(code, unit_bits) == brick;
    if (is_alike) cells |= 1ull << cell_of(code, unit_bits);
    alike = __ballot_sync(kFullWarp, is_alike);
  }
  return or_of_warp(cells);
}

/// The first row of each brick takes a slot and notes the brick's cells, which the warp gathers: rows of a brick follow
/// one another, those of the warp's last brick into the next warps' rows.
static __global__ void __launch_bounds__(kBlockThreads) insert_bricks(SetBricks set) {
  const int set_unit_bits = unit_bits_of_partials(set.partials);
  const int unit_bits = set_unit_bits < set.max_unit_bits ? set_unit_bits : set.max_unit_bits;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  if (row == 0) set.unit_bits[0] = unit_bits, set.unit_bits[1] = set_unit_bits;
  const int lane = threadIdx.x % kWarpThreads;
  if (row - lane >= set.num_rows) return;
  const bool taken = row < set.num_rows;
  const uint64_t code = taken ? key_to_code(set.keys[row]) : 0;
  const uint64_t brick = brick_of(code, unit_bits);
  const bool head = taken && (row == 0 || brick_of(key_to_code(set.keys[row - 1]), unit_bits) != brick);
  const unsigned heads = __ballot_sync(kFullWarp, head);
  if (heads == 0) return;
  const unsigned later_heads = heads & ~(kFullWarp >> (kWarpThreads - 1 - lane));
  const int end = later_heads == 0 ? kWarpThreads : __ffs(static_cast<int>(later_heads)) - 1;
  uint64_t cells = taken ? 1ull << cell_of(code, unit_bits) : 0;
#pragma unroll
  for (int reach = 1; reach < kWarpThreads; reach *= 2) {
    const uint64_t further = __shfl_down_sync(kFullWarp, cells, reach);
    if (lane + reach < end) cells |= further;
  }
  const uint64_t last_brick = __shfl_sync(kFullWarp, brick, kWarpThreads - 1);
  const uint64_t rest = cells_from(set, unit_bits, last_brick, row - lane + kWarpThreads);
  if (!head) return;
  set.occupancy[row] = end == kWarpThreads ? cells | rest : cells;
  uint32_t slot = first_slot(brick, set.num_slots);
  while (atomicCAS(&set.slots[slot], -1, static_cast<int32_t>(row)) != -1) slot = next_slot(slot, set.num_slots);
}

inline SetBricks take_set_bricks(const int64_t* keys, int64_t num_rows, Workspace* workspace,
                                 int max_unit_bits = kMaxUnitBits) {
  SetBricks set = {};
  set.keys = keys;
  set.num_rows = static_cast<int32_t>(num_rows);
  set.num_slots = static_cast<uint32_t>(2 * num_rows + 1);  // N < 2³¹
  set.slots = workspace->take<int32_t>(set.num_slots);
  set.occupancy = workspace->take<uint64_t>(num_rows);
  set.partials = take_partials(num_rows, workspace);
  set.unit_bits = workspace->take<int32_t>(2);
  set.max_unit_bits = max_unit_bits;
  return set;
}

/// Two launches.
static void build_set_bricks(const SetBricks& set, void* stream) {
  const int64_t slot_bytes = static_cast<int64_t>(set.num_slots) * 4;
  launch_scan_codes(set.keys, set.num_rows, {set.slots, slot_bytes, nullptr, 0, nullptr, 0}, set.partials, stream);
  launch_items(insert_bricks, set.num_rows + int64_t{1}, stream, set);  // one thread even where the set is empty
}

}  // namespace completion::cuda
