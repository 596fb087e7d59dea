// convolution: y[m] = Σ_k x[table[m, k]] W_k; convolution_grad_weight: gW_k = Σ_m x[table[m, k]]ᵀ g[m].
//
// The pairs are given as the table, seen from the targets, as its reverse, seen from the sources, or as both. A
// convolution on CUDA wants the table or pairs; else one is enough.
#pragma once

#include <cstdint>

#include "completion/dtype.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct ConvolutionParams {
  const void* features;       // [N, Cin] dtype
  const void* weight;         // [K, Cin, Cout] dtype, see weight_strides
  const int32_t* table;       // [M, K] feature row or −1; or null
  const int32_t* reverse;     // [N, K] target row or −1; or null
  const int32_t* pairs;       // [M, S] of kernel_pairs, in place of the table; or null. CUDA alone
  int32_t num_slots;          // S ≤ kPairSlots
  const int32_t* slots;       // [K] the slot of each offset in the pairs; beside these
  const int32_t* order;       // [M] every target row once, those with like neighbours side by side; or null. CUDA alone
  void* output;               // [M, Cout] dtype, every row written once
  int64_t num_source;         // N
  int64_t num_target;         // M
  int64_t in_channels;        // Cin ≥ 1
  int64_t out_channels;       // Cout ≥ 1
  int64_t weight_strides[3];  // elements between neighbours along K, Cin and Cout; a transposed view is as good, and
                              // along K it may lead back
  int32_t num_offsets;        // K, 1 … kMaxOffsets
  DType dtype;                // of features, weight and output; the CPU takes what it multiplies()
  bool allow_tf32;            // CUDA, float32: products in TF32 (torch.backends.cuda.matmul.allow_tf32)
  void* workspace;            // scratch
  int64_t workspace_bytes;    // at least convolution_workspace_bytes(params)
};

struct ConvolutionGradWeightParams {
  const void* features;     // [N, Cin] dtype
  const void* grad;         // [M, Cout] dtype
  const int32_t* table;     // [M, K] feature row or −1; or null
  const int32_t* reverse;   // [N, K] target row or −1; or null
  void* grad_weight;        // [K, Cin, Cout] float64 for float64, else float32
  int64_t num_source;       // N
  int64_t num_target;       // M
  int64_t in_channels;      // Cin ≥ 1
  int64_t out_channels;     // Cout ≥ 1
  int32_t num_offsets;      // K, 1 … kMaxOffsets
  DType dtype;              // of features and grad; the CPU takes what it multiplies()
  bool allow_tf32;          // CUDA, float32: products in TF32
  void* workspace;          // scratch: pair lists and partial sums, reduced in fixed order
  int64_t workspace_bytes;  // at least convolution_grad_weight_workspace_bytes(params)
};

namespace cpu {
/// Whether features of this type and number of channels are multiplied as they are; others are widened before.
bool multiplies(DType dtype, int64_t in_channels);
int64_t convolution_workspace_bytes(const ConvolutionParams& params);
void convolution(const ConvolutionParams& params, ParallelFor parallel_for);
int64_t convolution_grad_weight_workspace_bytes(const ConvolutionGradWeightParams& params);
void convolution_grad_weight(const ConvolutionGradWeightParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
int64_t convolution_workspace_bytes(const ConvolutionParams& params);
Status convolution(const ConvolutionParams& params, void* stream);
int64_t convolution_grad_weight_workspace_bytes(const ConvolutionGradWeightParams& params);
Status convolution_grad_weight(const ConvolutionGradWeightParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
