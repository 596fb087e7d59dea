// Convolutions of one to four input channels, as in the first layer of a network: their products are too small for
// panels of 16 channels. Each pair of an offset and a channel is a term of its own, in the order of the weight.
#pragma once

#include <cuda_runtime.h>

#include "completion/convolution.h"
#include "scalar.cuh"

namespace completion::cuda {

constexpr int kNarrowChannels = 4;

/// A term by its number: terms lie as the weight does.
struct Term {
  int offset, channel;
};

__device__ __forceinline__ Term term_of(int number, int channels) { return {number / channels, number % channels}; }

/// Value of a term: of the source row at the term's offset, 0 where there is none.
template <class Scalar>
__device__ __forceinline__ Accumulator<Scalar> value_of(const Scalar* features, int32_t source, int channels,
                                                        const Term& term) {
  return source >= 0 ? widen(features[static_cast<int64_t>(source) * channels + term.channel]) : 0;
}

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
