// batch_statistics, batch_norm and batch_norm_grad: y = f((x − mean) / √(variance + eps) · weight + bias), f an
// activation. Its argument z is not kept for the backward pass, which makes it again.
#pragma once

#include <cstdint>

#include "completion/activation.h"
#include "completion/dtype.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

// What has one number for each column, as mean, variance, weight and bias, is float32; beside float64 features float64.

struct BatchStatisticsParams {
  const void* features;    // [N, C], N ≥ 2
  void* mean;              // [C]
  void* variance;          // [C] of the rows themselves: divided by N
  void* running_mean;      // [C] moves by momentum to mean
  void* running_variance;  // [C] and to the variance divided by N − 1
  int64_t* num_batches;    // one number, counted up
  void* workspace;
  int64_t workspace_bytes;
  int64_t num_rows;  // N
  int64_t channels;  // C
  double momentum;
  DType dtype;
};

/// What is done to each column; the same forward and backward.
struct Normalisation {
  const void *mean, *variance, *weight, *bias;  // [C]
  double eps;
  Activation activation;
};

struct BatchNormParams {
  const void* features;  // [N, C]
  void* output;          // [N, C] the same element type
  Normalisation norm;
  int64_t num_rows;  // N
  int64_t channels;  // C
  DType dtype;
};

struct BatchNormGradParams {
  const void* grad;      // [N, C]
  const void* features;  // [N, C]
  void* grad_features;   // [N, C]
  void* grad_weight;     // [C]
  void* grad_bias;       // [C]
  Normalisation norm;
  void* workspace;
  int64_t workspace_bytes;
  int64_t num_rows;  // N
  int64_t channels;  // C
  bool of_batch;     // mean and variance are those of the features, and have a gradient
  DType dtype;
};

namespace cpu {
int64_t batch_statistics_workspace_bytes(const BatchStatisticsParams& params);
void batch_statistics(const BatchStatisticsParams& params, ParallelFor parallel_for);
void batch_norm(const BatchNormParams& params, ParallelFor parallel_for);
int64_t batch_norm_grad_workspace_bytes(const BatchNormGradParams& params);
void batch_norm_grad(const BatchNormGradParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
int64_t batch_statistics_workspace_bytes(const BatchStatisticsParams& params);
Status batch_statistics(const BatchStatisticsParams& params, void* stream);
Status batch_norm(const BatchNormParams& params, void* stream);
int64_t batch_norm_grad_workspace_bytes(const BatchNormGradParams& params);
Status batch_norm_grad(const BatchNormGradParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
