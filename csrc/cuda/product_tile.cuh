// A product of two shared panels into registers: 256 threads, each with a small tile of the output. Shared by the
// convolution and its weight gradient; plain arithmetic, no tensor cores.
#pragma once

#include "pack.cuh"

namespace completion::cuda {

constexpr int kDepth = 16;  // rows of a panel

/// sums[i][j] += Σ_d left[d][i] · right[d][j] over the depth, in ascending d.
template <class T, int kRows, int kColumns>
__device__ __forceinline__ void add_product(const T* left, int left_width, const T* right, int right_width,
                                            T (&sums)[kRows][kColumns]) {
#pragma unroll
  for (int d = 0; d < kDepth; ++d) {
    const Pack<T, kRows> a = load_pack<T, kRows>(left + d * left_width);
    const Pack<T, kColumns> b = load_pack<T, kColumns>(right + d * right_width);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
#pragma unroll
      for (int j = 0; j < kColumns; ++j) sums[i][j] += a.value[i] * b.value[j];
    }
  }
}

}  // namespace completion::cuda
