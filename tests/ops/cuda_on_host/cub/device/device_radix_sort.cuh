// Stands for CUB's radix sort when the kernels run on the host: a stable sort by the same bits with the same signature.
#pragma once

#include <algorithm>
#include <numeric>
#include <type_traits>
#include <vector>

#include "cuda_runtime.h"

namespace cub {

struct DeviceRadixSort {
  template <class Key, class Value>
  static cudaError_t SortPairs(void* temporary, size_t& temporary_bytes, const Key* keys, Key* sorted_keys,
                               const Value* values, Value* sorted_values, int count, int first_bit, int end_bit,
                               cudaStream_t) {
    temporary_bytes = 1;
    if (temporary == nullptr) return 0;
    std::vector<int> order(count);
    std::iota(order.begin(), order.end(), 0);
    const auto bits = [&](int i) {  // of a signed key the sign comes before the others
      const uint64_t sign = std::is_signed_v<Key> ? uint64_t{1} << (8 * sizeof(Key) - 1) : 0;
      const uint64_t above = end_bit < 64 ? ~uint64_t{0} << end_bit : 0;
      return (static_cast<uint64_t>(keys[i]) ^ sign) & ~above & ~uint64_t{0} << first_bit;
    };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return bits(a) < bits(b); });
    for (int i = 0; i < count; ++i) {
      sorted_keys[i] = keys[order[i]];
      sorted_values[i] = values[order[i]];
    }
    return 0;
  }
};

}  // namespace cub
