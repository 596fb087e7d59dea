// 4³ bricks: the voxels of a set as 64-bit occupancy words, found by a hash of the brick's code.
//
// Codes are counted in units: the low `unit_shift` bits are zero in every code of the set (its stride). A brick is 4³
// units: bits unit_shift … unit_shift + 5 of a code are the cell within its brick, the bits above are the brick.
#pragma once

#include <cstdint>

#include "arena.h"

namespace completion::cpu {

constexpr int kCellBits = 6;
constexpr int kMaxUnitShift = 42;

/// Largest multiple of 3 below which all of `bits` are zero.
inline int unit_shift_of(uint64_t bits) {
  const int zeros = bits == 0 ? kMaxUnitShift : __builtin_ctzll(bits);
  return (zeros < kMaxUnitShift ? zeros : kMaxUnitShift) / 3 * 3;
}

inline uint64_t hash_brick(uint64_t brick) {
  brick ^= brick >> 29;
  brick *= 0x9e3779b97f4a7c15ull;
  return brick ^ (brick >> 32);
}

/// Smallest power of two that leaves at least half of the slots empty.
inline int64_t slots_for(int64_t bricks) {
  int64_t slots = 16;
  while (slots < 2 * bricks) slots *= 2;
  return slots;
}

struct Brick {
  uint64_t id;         // code >> (unit_shift + 6)
  uint64_t occupancy;  // one bit per cell, in Morton order
  int64_t base;        // rows before this brick's first
};

/// Open addressing over an array of bricks; a slot holds a brick's index or −1.
struct BrickHash {
  int32_t* slots;
  uint64_t mask;  // number of slots − 1

  /// Slot that holds `id`, or the empty slot where it belongs.
  uint64_t find(const Brick* bricks, uint64_t id) const {
    uint64_t slot = hash_brick(id) & mask;
    while (slots[slot] >= 0 && bricks[slots[slot]].id != id) slot = (slot + 1) & mask;
    return slot;
  }
};

}  // namespace completion::cpu
