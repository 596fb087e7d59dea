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

/// One panel of an offset's weight: [Cin, width] from `weight`, zero beyond the channels that are there.
template <class T>
void pack_panel(const ConvolutionParams& params, const T* weight, int64_t filled, int64_t width, T* packed) {
  const int64_t in = params.in_channels, in_stride = params.weight_strides[1], out_stride = params.weight_strides[2];
  if (out_stride == 1) {
    for (int64_t i = 0; i < in; ++i) std::copy_n(weight + i * in_stride, filled, packed + i * width);
  } else {  // a transposed view: its own order of reading is the quick one
    for (int64_t c = 0; c < filled; ++c) {
      for (int64_t i = 0; i < in; ++i) packed[i * width + c] = weight[i * in_stride + c * out_stride];
    }
  }
  if (filled == width) return;
  for (int64_t i = 0; i < in; ++i) std::fill(packed + i * width + filled, packed + (i + 1) * width, T(0));
}

/// Copies the weights of the offsets that some row has, panel by panel, to [K, panels, Cin, width].
template <class T>
void pack_weights(const ConvolutionParams& params, const bool* used, ParallelFor parallel_for) {
  const Panels panels = panels_of(params);
  const int64_t in = params.in_channels, out = params.out_channels;
  for_ranges(parallel_for, 0, params.num_offsets, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      if (!used[k]) continue;
      const T* weight = static_cast<const T*>(params.weight) + k * params.weight_strides[0];
      T* packed = static_cast<T*>(params.workspace) + k * in * panels.padded();
      for (int64_t start = 0; start < out; start += panels.width_at(start)) {
        const int64_t width = panels.width_at(start), filled = std::min(width, out - start);
        pack_panel(params, weight + start * params.weight_strides[2], filled, width, packed + start * in);
      }
    }
  });
}

/// Packed weight of offset k, output channels from `start` on.
template <class T>
const T* packed_weight(const ConvolutionParams& params, int64_t k, int64_t start) {
  return static_cast<const T*>(params.workspace) + params.in_channels * (k * panels_of(params).padded() + start);
}

inline int64_t packed_weight_bytes(const ConvolutionParams& params) {
  return params.num_offsets * params.in_channels * panels_of(params).padded() * element_bytes(params.dtype);
}

}  // namespace completion::cpu
