// Weights of a convolution as the register tiles read them: packed panel by panel.
#pragma once

#include <algorithm>

#include "completion/convolution.h"
#include "convolution_tiles.h"

namespace completion::cpu {

inline Panels panels_of(const ConvolutionParams& params) {
  const bool wide = params.dtype == DType::float64;
  return {wide ? tile_kernels<double>().lanes : tile_kernels<float>().lanes, params.out_channels};
}

/// One panel of the weight of offset k, output channels from `start` on: [Cin, width], zero beyond the channels that
/// are there.
template <class T>
void pack_panel(const ConvolutionParams& params, int64_t k, int64_t start, T* packed) {
  const int64_t in = params.in_channels, in_stride = params.weight_strides[1], out_stride = params.weight_strides[2];
  const int64_t width = panels_of(params).width_at(start), filled = std::min(width, params.out_channels - start);
  const T* const weight = static_cast<const T*>(params.weight) + k * params.weight_strides[0] + start * out_stride;
  if (in_stride == 1) {  // a transposed view
    tile_kernels<T>().pack_columns(weight, out_stride, filled, in, width, packed);
    return;
  }
  for (int64_t i = 0; i < in; ++i) {
    T* const row = packed + i * width;
    if (out_stride == 1) {
      std::copy_n(weight + i * in_stride, filled, row);
    } else {
      for (int64_t c = 0; c < filled; ++c) row[c] = weight[i * in_stride + c * out_stride];
    }
    std::fill(row + filled, row + width, T(0));
  }
}

/// Packed weight of offset k, output channels from `start` on.
template <class T>
T* packed_weight(const ConvolutionParams& params, int64_t k, int64_t start) {
  return static_cast<T*>(params.workspace) + params.in_channels * (k * panels_of(params).padded() + start);
}

/// Copies the weights of the offsets that some row has, panel by panel, to [K, panels, Cin, width].
template <class T>
void pack_weights(const ConvolutionParams& params, const bool* used, ParallelFor parallel_for) {
  const Panels panels = panels_of(params);
  for_ranges(parallel_for, 0, params.num_offsets, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      if (!used[k]) continue;
      for (int64_t start = 0; start < params.out_channels; start += panels.width_at(start)) {
        pack_panel(params, k, start, packed_weight<T>(params, k, start));
      }
    }
  });
}

inline int64_t packed_weight_bytes(const ConvolutionParams& params) {
  return params.num_offsets * params.in_channels * panels_of(params).padded() * element_bytes(params.dtype);
}

}  // namespace completion::cpu
