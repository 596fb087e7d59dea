// Stable sort of keys with the rows that they came from (CUB's radix sort), the only use of CUB.
#pragma once

#include "launch.cuh"

namespace completion::cuda {

struct SortedKeys {
  int64_t* keys;  // [N] ascending
  int32_t* rows;  // [N] where each key stood; ascending among equal keys
  int32_t* row_numbers;
  char* temporary;
  int64_t temporary_bytes;
};

/// Space for a sort of N < 2³¹ keys.
SortedKeys take_sorted_keys(int64_t num_keys, Workspace* workspace);

Status sort_keys(const int64_t* keys, int64_t num_keys, const SortedKeys& sorted, void* stream);

}  // namespace completion::cuda
