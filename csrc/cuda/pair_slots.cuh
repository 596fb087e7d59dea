// Reading the pairs of a row, as kernel_pairs makes them.
#pragma once

#include <cstdint>

#include "completion/kernel_pairs.h"
#include "pack.cuh"

namespace completion::cuda {

constexpr int kSlotsAtOnce = 8;

/// The row of a pair of offset k; of another, or of no pair, a number from kPairRows on.
__device__ __forceinline__ int32_t row_of_pair_at(int32_t pair, int k) {
  const uint32_t rest = static_cast<uint32_t>(pair ^ k);  // its low bits are 0, and its sign, for the pairs of k
  return static_cast<int32_t>(rest >> 6 | rest << 26);
}

/// Pairs of eight slots of a row from slot `first` on, −1 beyond the last; by four where rows lie so.
__device__ __forceinline__ void read_pairs(const int32_t* row, int num_slots, int first,
                                           int32_t (&pairs)[kSlotsAtOnce]) {
  if (num_slots % 4 == 0 && reinterpret_cast<uintptr_t>(row) % sizeof(Pack<int32_t, 4>) == 0) {
#pragma unroll
    for (int i = 0; i < kSlotsAtOnce; i += 4) {
      Pack<int32_t, 4> four = {{-1, -1, -1, -1}};
      if (first + i < num_slots) four = load_pack<int32_t, 4>(row + first + i);
#pragma unroll
      for (int j = 0; j < 4; ++j) pairs[i + j] = four.value[j];
    }
  } else {
#pragma unroll
    for (int i = 0; i < kSlotsAtOnce; ++i) pairs[i] = first + i < num_slots ? row[first + i] : -1;
  }
}

}  // namespace completion::cuda
