// Convolutions of one to four input channels, as in the first layer of a network: their products are too small for
// panels of 16 channels. Each pair of an offset and a channel is a term of its own, in the order of the weight.
#pragma once

#include "completion/convolution.h"

namespace completion::cuda {

constexpr int kNarrowChannels = 4;

/// Asked where tensor cores do not take the product.
inline bool is_narrow(const ConvolutionParams& params) { return params.in_channels <= kNarrowChannels; }
inline bool is_narrow(const ConvolutionGradWeightParams& params) {
  return params.in_channels <= kNarrowChannels && params.table != nullptr;
}

void convolve_narrow(const ConvolutionParams& params, void* stream);

/// Number of ranges of rows, each with a partial sum of the whole gradient.
int64_t narrow_ranges(const ConvolutionGradWeightParams& params);

/// Partial sums [ranges, K, Cin, Cout].
void sum_narrow(const ConvolutionGradWeightParams& params, void* partials, void* stream);

}  // namespace completion::cuda
