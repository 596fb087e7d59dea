// pool_sum, pool_max and pool_max_grad: reductions over the rows that a table lists.
#pragma once

#include <cstdint>

#include "completion/dtype.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct PoolSumParams {
  const void* features;  // [N, C] dtype
  const int32_t* table;  // [M, K] feature row or −1
  void* output;          // [M, C] dtype: Σ_k features[table[m, k]], summed in float32 or float64 in the order of k
  int64_t num_target;    // M
  int64_t channels;      // C
  int32_t num_offsets;   // K
  DType dtype;           // the CPU takes float32 and float64 alone
};

struct PoolMaxParams {
  const void* features;  // [N, C] dtype
  const int32_t* table;  // [M, K] feature row or −1
  void* output;          // [M, C] dtype: max over k; 0 where a row has no neighbour; a NaN wins
  int32_t* arg;          // [M, C] feature row of the maximum (the first in the order of k), −1 where none
  int64_t num_target;    // M
  int64_t channels;      // C
  int32_t num_offsets;   // K
  DType dtype;           // the CPU takes float32 and float64 alone
};

struct PoolMaxGradParams {
  const void* grad;        // [M, C] dtype
  const int32_t* arg;      // [M, C] of pool_max
  const int32_t* reverse;  // [N, K] target row or −1: the table seen from the features
  void* grad_features;     // [N, C] dtype: Σ_k [arg[r, c] = n] grad[r, c], r = reverse[n, k], in the order of k
  int64_t num_source;      // N
  int64_t channels;        // C
  int32_t num_offsets;     // K
  DType dtype;             // the CPU takes float32 and float64 alone
};

namespace cpu {
void pool_sum(const PoolSumParams& params, ParallelFor parallel_for);
void pool_max(const PoolMaxParams& params, ParallelFor parallel_for);
void pool_max_grad(const PoolMaxGradParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
Status pool_sum(const PoolSumParams& params, void* stream);
Status pool_max(const PoolMaxParams& params, void* stream);
Status pool_max_grad(const PoolMaxGradParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
