// convolution on the CPU: blocks of output rows; per block and offset the pairs that exist; each output row is written
// once.
#include "completion/convolution.h"

#include <algorithm>

#include "aligned.h"
#include "completion/offsets.h"
#include "convolution_tiles.h"
#include "pair_lists.h"

namespace completion::cpu {
namespace {

Panels panels_of(const ConvolutionParams& params) {
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

/// One block of output rows, panel by panel; sums is scratch for kBlockRows rows of a panel.
template <class T>
void convolve_block(const ConvolutionParams& params, const PairLists& lists, int64_t begin, int64_t end, T* sums) {
  const TileKernels<T>& kernels = tile_kernels<T>();
  const Panels panels = panels_of(params);
  const int64_t in = params.in_channels, out = params.out_channels;
  T* const output = static_cast<T*>(params.output) + begin * out;
  for (int64_t start = 0; start < out; start += panels.width_at(start)) {
    const int64_t width = panels.width_at(start);
    const auto multiply = width == kernels.lanes ? kernels.multiply_one : kernels.multiply_two;
    // Straight to the output where its rows are a panel's, or are touched once; else rows far apart would push each
    // other out of the cache.
    const bool direct = out == width || (params.num_offsets == 1 && start + width <= out);
    T* const target = direct ? output + start : sums;
    const int64_t stride = direct ? out : width;
    const bool fresh = lists[0].count == end - begin;
    if (!fresh) {
      for (int64_t m = 0; m < end - begin; ++m) std::fill_n(target + m * stride, width, T(0));
    }
    for (int64_t k = 0; k < params.num_offsets; ++k) {
      if (lists[k].count == 0) continue;  // the weight of an offset that no row has is not packed
      const T* weight = static_cast<const T*>(params.workspace) + k * in * panels.padded() + start * in;
      multiply(lists[k], static_cast<const T*>(params.features), in, weight, target, stride, fresh && k == 0);
    }
    if (direct) continue;
    for (int64_t m = 0; m < end - begin; ++m) {
      std::copy_n(sums + m * width, std::min(width, out - start), output + m * out + start);
    }
  }
}

template <class T>
void convolve(const ConvolutionParams& params, ParallelFor parallel_for) {
  bool used[kMaxOffsets];
  mark_used_offsets(params.table, params.num_target, params.num_offsets, used);
  pack_weights<T>(params, used, parallel_for);
  const int64_t blocks = (params.num_target + kBlockRows - 1) / kBlockRows;
  for_ranges(parallel_for, 0, blocks, 1, [&](int64_t first, int64_t last) {
    PairLists lists(params.num_offsets, 0, params.num_offsets);
    const AlignedScratch<T> sums(kBlockRows * 2 * tile_kernels<T>().lanes);
    for (int64_t block = first; block < last; ++block) {
      const int64_t begin = block * kBlockRows, end = std::min(begin + kBlockRows, params.num_target);
      lists.list(params.table, begin, end);
      convolve_block<T>(params, lists, begin, end, sums.data());
    }
  });
}

}  // namespace

int64_t convolution_workspace_bytes(const ConvolutionParams& params) {
  return params.num_offsets * params.in_channels * panels_of(params).padded() * element_bytes(params.dtype);
}

void convolution(const ConvolutionParams& params, ParallelFor parallel_for) {
  params.dtype == DType::float64 ? convolve<double>(params, parallel_for) : convolve<float>(params, parallel_for);
}

}  // namespace completion::cpu
