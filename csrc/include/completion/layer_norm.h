// layer_norm and layer_norm_grad: y = (x − mean) / √(variance + eps) · weight + bias, with mean and variance of each
// row. They are not kept for the backward pass, which has to read the rows in any case.
#pragma once

#include <cstdint>

#include "completion/dtype.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

// Weight and bias and their gradients are float32; beside float64 features float64.

struct LayerNormParams {
  const void* features;  // [N, C]
  const void* weight;    // [C]
  const void* bias;      // [C]
  void* output;          // [N, C] the element type of features
  int64_t num_rows;      // N
  int64_t channels;      // C
  double eps;
  DType dtype;
};

struct LayerNormGradParams {
  const void* grad;      // [N, C]
  const void* features;  // [N, C]
  const void* weight;    // [C]
  void* grad_features;   // [N, C]
  void* grad_weight;     // [C]
  void* grad_bias;       // [C]
  void* workspace;
  int64_t workspace_bytes;
  int64_t num_rows;  // N
  int64_t channels;  // C
  double eps;
  DType dtype;
};

namespace cpu {
void layer_norm(const LayerNormParams& params, ParallelFor parallel_for);
int64_t layer_norm_grad_workspace_bytes(const LayerNormGradParams& params);
void layer_norm_grad(const LayerNormGradParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
Status layer_norm(const LayerNormParams& params, void* stream);
int64_t layer_norm_grad_workspace_bytes(const LayerNormGradParams& params);
Status layer_norm_grad(const LayerNormGradParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
