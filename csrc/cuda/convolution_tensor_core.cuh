// The convolution on tensor cores, as convolution() chooses it.
#pragma once

#include "completion/convolution.h"

namespace completion::cuda {

/// Whether the type is multiplied there, rows are whole packs at 16-byte addresses and one axis of the weight is
/// contiguous.
bool takes_tensor_cores(const ConvolutionParams& params);

void convolve_on_tensor_cores(const ConvolutionParams& params, void* stream);

/// Whether the GPU has products of warpgroups (architecture 90) and the shape fills their tiles.
bool takes_warpgroups(const ConvolutionParams& params);

void convolve_by_warpgroups(const ConvolutionParams& params, void* stream);

}  // namespace completion::cuda
