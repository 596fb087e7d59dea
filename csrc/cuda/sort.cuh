// Stable sort of keys with a number that goes with each (CUB's radix sort), the only use of CUB.
#pragma once

#include "launch.cuh"

namespace completion::cuda {

template <class Key>
struct SortedKeys {
  Key* keys;      // [N] ascending
  int32_t* rows;  // [N] the number that went with each key; among equal keys in the order given
  int32_t* unsorted_rows;
  char* temporary;
  int64_t temporary_bytes;
};

/// Space for a sort of N < 2³¹ keys: int64_t, or uint32_t in less time.
template <class Key>
SortedKeys<Key> take_sorted_keys(int64_t num_keys, Workspace* workspace);

/// Sorts keys by their lowest `bits`, with the numbers that stand in `unsorted_rows`; may be fewer than space was taken
/// for.
template <class Key>
Status sort_pairs(const Key* keys, int64_t num_keys, const SortedKeys<Key>& sorted, void* stream, int bits);

/// Sorts keys with their own row numbers.
Status sort_keys(const int64_t* keys, int64_t num_keys, const SortedKeys<int64_t>& sorted, void* stream);

/// Bits up to the highest that is set.
inline int num_bits(uint64_t value) {
  int bits = 0;
  while (bits < 64 && value >> bits > 0) ++bits;
  return bits;
}

}  // namespace completion::cuda
