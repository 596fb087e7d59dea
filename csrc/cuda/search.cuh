// Bisection in ascending keys, by one thread.
#pragma once

#include <cstdint>

#include "completion/key.h"

namespace completion::cuda {

/// Number of keys below the value.
COMPLETION_HD int32_t lower_bound(const int64_t* keys, int32_t num_keys, int64_t value) {
  int32_t first = 0;
  int32_t length = num_keys;
  while (length > 0) {
    const int32_t half = length / 2;
    const bool below = keys[first + half] < value;
    first = below ? first + half + 1 : first;
    length = below ? length - half - 1 : half;
  }
  return first;
}

/// Row of the value in ascending unique keys, −1 where it is absent.
COMPLETION_HD int32_t find_row(const int64_t* keys, int32_t num_keys, int64_t value) {
  const int32_t row = lower_bound(keys, num_keys, value);
  return row < num_keys && keys[row] == value ? row : -1;
}

}  // namespace completion::cuda
