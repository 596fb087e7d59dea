// Numbers made small without changing their order: the bits that tell those of a set apart, side by side.
#pragma once

#include <cstdint>

#include "completion/key.h"

namespace completion::cuda {

/// A mask's bits gathered at the low end, in six steps for any mask (Warren, Hacker's Delight, 7–4: "compress").
struct KeptBits {
  uint64_t mask;
  uint64_t moves[6];  // bits that step i moves down by 2ⁱ
  int count;          // of bits in the mask
};

inline KeptBits kept_bits(uint64_t mask) {
  KeptBits kept = {mask, {}, 0};
  for (uint64_t left = mask; left != 0; left &= left - 1) ++kept.count;
  uint64_t zeros_below = ~mask << 1;
  for (int step = 0; step < 6; ++step) {
    uint64_t odd = zeros_below;  // where the number of zeros below, counted in 2ⁱ, is odd
    for (int reach = 1; reach < 64; reach *= 2) odd ^= odd << reach;
    kept.moves[step] = odd & mask;
    mask = (mask ^ kept.moves[step]) | kept.moves[step] >> (1 << step);
    zeros_below &= ~odd;
  }
  return kept;
}

COMPLETION_HD uint64_t gather_kept(uint64_t number, const KeptBits& kept) {
  number &= kept.mask;
  for (int step = 0; step < 6; ++step) {
    const uint64_t moved = number & kept.moves[step];
    number = (number ^ moved) | moved >> (1 << step);
  }
  return number;
}

/// Of a number with `morton_bits` of Morton code at its low end: each coordinate in the Gray code. A bit that is the
/// same here in all numbers of a set follows from the higher bits of its coordinate: to order them it need not be kept.
/// Around the origin, where all bits of the number itself change at once, few of these do.
COMPLETION_HD uint64_t gray_code(uint64_t number, int morton_bits) {
  const uint64_t followed = morton_bits > 3 ? (1ull << (morton_bits - 3)) - 1 : 0;  // by a higher bit of its axis
  return number ^ (number >> 3 & followed);
}

}  // namespace completion::cuda
