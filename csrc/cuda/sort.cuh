// Stable sort of keys with a number that goes with each (CUB's radix sort), the only use of CUB.
#pragma once

#include "launch.cuh"

namespace completion::cuda {

struct SortedKeys {
  int64_t* keys;  // [N] ascending
  int32_t* rows;  // [N] the number that went with each key; among equal keys in the order given
  int32_t* unsorted_rows;
  char* temporary;
  int64_t temporary_bytes;
};

/// Space for a sort of N < 2³¹ keys.
SortedKeys take_sorted_keys(int64_t num_keys, Workspace* workspace);

/// Sorts keys with the numbers that stand in `unsorted_rows`; may be fewer than space was taken for.
Status sort_pairs(const int64_t* keys, int64_t num_keys, const SortedKeys& sorted, void* stream, int bits = 64);

/// Sorts keys with their own row numbers, by their lowest `bits`.
Status sort_keys(const int64_t* keys, int64_t num_keys, const SortedKeys& sorted, void* stream, int bits = 64);

}  // namespace completion::cuda
