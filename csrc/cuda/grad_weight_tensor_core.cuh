// The weight gradient on tensor cores, as convolution_grad_weight() chooses it.
#pragma once

#include "completion/convolution.h"
#include "pair_list.cuh"

namespace completion::cuda {

/// Whether the type is multiplied there and rows are whole packs at 16-byte addresses.
bool takes_tensor_cores(const ConvolutionGradWeightParams& params);

/// Number of ranges of rows, each with a partial sum of the whole gradient.
int64_t tensor_core_ranges(const ConvolutionGradWeightParams& params);

/// Partial sums, float32 [ranges, K, Cin, Cout], over the pairs of a side.
void sum_pairs_on_tensor_cores(const ConvolutionGradWeightParams& params, const PairSide& side, void* partials,
                               void* stream);

}  // namespace completion::cuda
