// Stands for CUB's radix sort when the kernels run on the host: a stable sort with the same signature.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "cuda_runtime.h"

namespace cub {

struct DeviceRadixSort {
  template <class Key, class Value>
  static cudaError_t SortPairs(void* temporary, size_t& temporary_bytes, const Key* keys, Key* sorted_keys,
                               const Value* values, Value* sorted_values, int count, int, int, cudaStream_t) {
    temporary_bytes = 1;
    if (temporary == nullptr) return 0;
    std::vector<int> order(count);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return keys[a] < keys[b]; });
    for (int i = 0; i < count; ++i) {
      sorted_keys[i] = keys[order[i]];
      sorted_values[i] = values[order[i]];
    }
    return 0;
  }
};

}  // namespace cub
