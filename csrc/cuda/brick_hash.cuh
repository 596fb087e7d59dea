// Open addressing by a brick's number: what the hashes of bricks have in common. Which brick has which slot depends on
// the order of insertion; what a look-up finds does not.
#pragma once

#include "completion/key.h"
#include "neighbourhood.cuh"

namespace completion::cuda {

/// Number of a code's brick, and its cell there.
COMPLETION_HD uint64_t brick_of(uint64_t code, int unit_bits) { return code >> (3 * unit_bits + kCellBits); }
COMPLETION_HD int cell_of(uint64_t code, int unit_bits) { return static_cast<int>(code >> (3 * unit_bits) & 63u); }

/// Bits of a brick's number below its batch item.
COMPLETION_HD int morton_bits_of_brick(int unit_bits) { return 48 - 3 * unit_bits - kCellBits; }

/// Whether a code's coordinates are multiples of the unit.
COMPLETION_HD bool on_unit(uint64_t code, int unit_bits) { return (code & ((1ull << (3 * unit_bits)) - 1)) == 0; }

COMPLETION_HD uint32_t first_slot(uint64_t brick, uint32_t num_slots) {
  brick ^= brick >> 29;
  brick *= 0x9e3779b97f4a7c15ull;
  return static_cast<uint32_t>((brick >> 32) * num_slots >> 32);
}

COMPLETION_HD uint32_t next_slot(uint32_t slot, uint32_t num_slots) { return slot + 1 == num_slots ? 0 : slot + 1; }

}  // namespace completion::cuda
