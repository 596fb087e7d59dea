// The target rows of a convolution in the order in which tiles take them.
#pragma once

#include <cuda_runtime.h>

#include "completion/convolution.h"

namespace completion::cuda {

/// Target row at a place in the order, −1 beyond the last.
__device__ __forceinline__ int32_t target_at(const ConvolutionParams& params, int64_t place) {
  if (place >= params.num_target) return -1;
  return params.order == nullptr ? static_cast<int32_t>(place) : params.order[place];
}

}  // namespace completion::cuda
