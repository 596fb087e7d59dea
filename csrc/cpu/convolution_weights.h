// Weights of a convolution as the register tiles read them: packed panel by panel.
#pragma once

#include <algorithm>
#include <type_traits>

#include "completion/convolution.h"
#include "convolution_tiles.h"

namespace completion::cpu {

inline Panels panels_of(const ConvolutionParams& params) {
  const auto panels = [&](const auto& kernels) { return Panels{kernels.lanes, params.out_channels, kernels.widest}; };
  return params.dtype == DType::float64 ? panels(tile_kernels<double>()) : panels(tile_kernels<float>());
}

/// Writes `count` sums of each row, `sums_stride` apart, to rows of the output, `stride` apart.
template <class T>
void write_rows(const Sum<T>* sums, int64_t sums_stride, int64_t rows, int64_t count, Stored<T>* output,
                int64_t stride) {
  if (sums_stride == count && stride == count) {  // in one piece
    count *= rows;
    rows = 1;
  }
  for (int64_t row = 0; row < rows; ++row, sums += sums_stride, output += stride) {
    if constexpr (kStoredOf<T> == 2) {
      bfloat16_rows().narrow(sums, count, output);
    } else {
      std::copy_n(sums, count, output);
    }
  }
}

/// Input channels as the kernels count them.
template <class T>
int64_t in_elements(const ConvolutionParams& params) {
  return params.in_channels / kStoredOf<T>;
}

/// One panel of the weight of offset k, output channels from `start` on: [Cin, width], zero beyond the channels that
/// are there.
template <class T>
void pack_panel(const ConvolutionParams& params, const Panels& panels, int64_t k, int64_t start, T* packed) {
  constexpr int64_t parts = kStoredOf<T>;
  const int64_t in = in_elements<T>(params), in_stride = params.weight_strides[1];
  const int64_t out_stride = params.weight_strides[2];
  const int64_t width = panels.width_at(start), filled = std::min(width, params.out_channels - start);
  const auto* const weight =
      static_cast<const Stored<T>*>(params.weight) + k * params.weight_strides[0] + start * out_stride;
  if (in_stride == 1 && out_stride % parts == 0) {  // a transposed view
    tile_kernels<T>().pack_columns(reinterpret_cast<const T*>(weight), out_stride / parts, filled, in, width, packed);
    return;
  }
  if (filled < width) std::fill(packed, packed + in * width, T{});
  for (int64_t i = 0; i < in; ++i) {
    const Stored<T>* const row = weight + i * parts * in_stride;
    if constexpr (parts == 2) {
      for (int64_t c = 0; c < filled; ++c) {
        packed[i * width + c].bits = row[c * out_stride] | uint32_t{row[c * out_stride + in_stride]} << 16;
      }
    } else if (out_stride == 1) {
      std::copy_n(row, filled, packed + i * width);
    } else {
      for (int64_t c = 0; c < filled; ++c) packed[i * width + c] = row[c * out_stride];
    }
  }
}

/// Packed weight of offset k, output channels from `start` on.
template <class T>
T* packed_weight(const ConvolutionParams& params, int64_t k, int64_t start) {
  return static_cast<T*>(params.workspace) + in_elements<T>(params) * (k * panels_of(params).padded() + start);
}

/// Those of all offsets.
template <class T>
OffsetWeights<T> offset_weights(const ConvolutionParams& params, int64_t start) {
  return {packed_weight<T>(params, 0, start), in_elements<T>(params) * panels_of(params).padded()};
}

/// Copies the weights of the offsets that some row has, panel by panel, to [K, panels, Cin, width].
template <class T>
void pack_weights(const ConvolutionParams& params, const bool* used, ParallelFor parallel_for) {
  const Panels panels = panels_of(params);
  for_ranges(parallel_for, 0, params.num_offsets, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      if (!used[k]) continue;
      for (int64_t start = 0; start < params.out_channels; start += panels.width_at(start)) {
        pack_panel(params, panels, k, start, packed_weight<T>(params, k, start));
      }
    }
  });
}

inline int64_t packed_weight_bytes(const ConvolutionParams& params) {
  return params.num_offsets * params.in_channels * panels_of(params).padded() * element_bytes(params.dtype);
}

}  // namespace completion::cpu
