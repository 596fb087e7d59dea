// pool_sum, pool_max and pool_max_grad on the CPU: one output row at a time, neighbours in the order of the offsets.
#include "completion/pooling.h"

#include <algorithm>
#include <cmath>

namespace completion::cpu {
namespace {

int64_t grain_rows(int64_t channels, int64_t offsets) {
  return std::max<int64_t>(1, 32768 / std::max<int64_t>(channels * offsets, 1));
}

template <class T>
void sum_row(const PoolSumParams& params, int64_t m) {
  T* out = static_cast<T*>(params.output) + m * params.channels;
  std::fill(out, out + params.channels, T(0));
  for (int32_t k = 0; k < params.num_offsets; ++k) {
    const int64_t row = params.table[m * params.num_offsets + k];
    if (row < 0) continue;
    const T* x = static_cast<const T*>(params.features) + row * params.channels;
    for (int64_t c = 0; c < params.channels; ++c) out[c] += x[c];
  }
}

template <class T>
void max_row(const PoolMaxParams& params, int64_t m) {
  T* out = static_cast<T*>(params.output) + m * params.channels;
  int32_t* arg = params.arg + m * params.channels;
  std::fill(out, out + params.channels, T(0));
  std::fill(arg, arg + params.channels, -1);
  for (int32_t k = 0; k < params.num_offsets; ++k) {
    const int32_t row = params.table[m * params.num_offsets + k];
    if (row < 0) continue;
    const T* x = static_cast<const T*>(params.features) + int64_t{row} * params.channels;
    for (int64_t c = 0; c < params.channels; ++c) {
      const bool wins = arg[c] < 0 || x[c] > out[c] || (std::isnan(x[c]) && !std::isnan(out[c]));
      out[c] = wins ? x[c] : out[c];
      arg[c] = wins ? row : arg[c];
    }
  }
}

template <class T>
void max_grad_row(const PoolMaxGradParams& params, int64_t n) {
  T* out = static_cast<T*>(params.grad_features) + n * params.channels;
  std::fill(out, out + params.channels, T(0));
  for (int32_t k = 0; k < params.num_offsets; ++k) {
    const int64_t row = params.reverse[n * params.num_offsets + k];
    if (row < 0) continue;
    const T* grad = static_cast<const T*>(params.grad) + row * params.channels;
    const int32_t* arg = params.arg + row * params.channels;
    for (int64_t c = 0; c < params.channels; ++c) out[c] += arg[c] == n ? grad[c] : T(0);
  }
}

}  // namespace

void pool_sum(const PoolSumParams& params, ParallelFor parallel_for) {
  const int64_t grain = grain_rows(params.channels, params.num_offsets);
  for_ranges(parallel_for, 0, params.num_target, grain, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      params.dtype == DType::float64 ? sum_row<double>(params, m) : sum_row<float>(params, m);
    }
  });
}

void pool_max(const PoolMaxParams& params, ParallelFor parallel_for) {
  const int64_t grain = grain_rows(params.channels, params.num_offsets);
  for_ranges(parallel_for, 0, params.num_target, grain, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      params.dtype == DType::float64 ? max_row<double>(params, m) : max_row<float>(params, m);
    }
  });
}

void pool_max_grad(const PoolMaxGradParams& params, ParallelFor parallel_for) {
  const int64_t grain = grain_rows(params.channels, params.num_offsets);
  for_ranges(parallel_for, 0, params.num_source, grain, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      params.dtype == DType::float64 ? max_grad_row<double>(params, n) : max_grad_row<float>(params, n);
    }
  });
}

}  // namespace completion::cpu
