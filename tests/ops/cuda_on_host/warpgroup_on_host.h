// Products of warpgroups on the host, as PTX states them. A product is made as late as it may: when its thread waits
// for its group. So a stage that is filled again too early shows as a wrong result, where copies arrive at once.
#pragma once

#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "cuda_runtime.h"

namespace completion::cuda {

/// Where an operand begins, as a number of bytes alone, and how far apart its panels are.
struct SharedMatrix {
  SharedAddress first;
  int panel_bytes;
};

inline SharedMatrix matrix_at(SharedAddress address, int panel_bytes) { return {address, panel_bytes}; }
inline SharedMatrix advanced(SharedMatrix matrix, int bytes) { return {matrix.first + bytes, matrix.panel_bytes}; }

/// Groups of products of the running thread, the oldest first; the last is still open.
inline std::deque<std::vector<std::function<void()>>>& product_groups() {
  static std::map<unsigned, std::deque<std::vector<std::function<void()>>>> groups;
  auto& own = groups[threadIdx.x];
  if (own.empty()) own.emplace_back();
  return own;
}

inline void show_to_products() {}
inline void begin_products() {}
inline void commit_products() { product_groups().emplace_back(); }

template <int kPending>
void wait_for_products() {
  auto& groups = product_groups();
  for (; groups.size() > kPending + 1; groups.pop_front()) {
    for (const auto& product : groups.front()) product();
  }
}

template <int kRight>
void settle(float (&)[1][kRight][4]) {
  if (product_groups().size() > 1) std::abort();
}

/// An element of an operand: of a row or column, and of a depth. Address bits 4 to 6 are exchanged by bits 7 to 9.
template <bool kByDepth, class Scalar>
float shared_element(const SharedMatrix& matrix, int row, int depth) {
  const int line = kByDepth ? depth : row, place = kByDepth ? row : depth;
  const SharedAddress address = matrix.first + place / 64 * matrix.panel_bytes + line * 128 + place % 64 * 2;
  Scalar value;
  memcpy(&value, reinterpret_cast<const void*>(address ^ (address >> 7 & 7) << 4), sizeof(value));
  return widen(value);
}

template <bool kLeftByDepth, bool kRightByDepth, class Scalar, int kRight>
void multiply_warpgroup(Scalar, SharedMatrix left, SharedMatrix right, float (&sums)[1][kRight][4]) {
  product_groups().back().push_back([left, right, &sums, thread = threadIdx.x % 128] {
    const int row = thread / 32 * 16 + thread % 32 / 4;
    for (int depth = 0; depth < 16; ++depth) {
      const float a[] = {shared_element<kLeftByDepth, Scalar>(left, row, depth),
                         shared_element<kLeftByDepth, Scalar>(left, row + 8, depth)};
      for (int j = 0; j < kRight; ++j) {
        for (int column = 0; column < 2; ++column) {
          const float b = shared_element<kRightByDepth, Scalar>(right, j * 8 + thread % 4 * 2 + column, depth);
          for (int half = 0; half < 2; ++half) sums[0][j][2 * half + column] += a[half] * b;
        }
      }
    }
  });
}

}  // namespace completion::cuda
