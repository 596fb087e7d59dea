// convolution on the CPU. By its table: blocks of output rows; per block and offset the pairs that exist; each output
// row is written once. By the reverse of it alone: convolution_scatter.h; few rows, large weights:
// convolution_few_rows.h.
#include "completion/convolution.h"

#include <algorithm>

#include "aligned.h"
#include "completion/offsets.h"
#include "convolution_few_rows.h"
#include "convolution_scatter.h"
#include "convolution_tiles.h"
#include "convolution_weights.h"
#include "pair_lists.h"

namespace completion::cpu {
namespace {

constexpr int64_t kWholeWeightBytes = int64_t{1} << 20;  // what a core's own cache holds

/// One block of output rows, panel by panel; sums is scratch for kBlockRows rows of a panel.
template <class T>
void convolve_block(const ConvolutionParams& params, const PairLists& lists, int64_t begin, int64_t end, Sum<T>* sums) {
  const TileKernels<T>& kernels = tile_kernels<T>();
  const Panels panels = panels_of(params);
  const int64_t out = params.out_channels;
  Stored<T>* const output = static_cast<Stored<T>*>(params.output) + begin * out;
  for (int64_t start = 0; start < out; start += panels.width_at(start)) {
    const int64_t width = panels.width_at(start);
    const auto multiply = kernels.multiply[panels.vectors_at(start)];
    Sum<T>* target = sums;
    int64_t stride = width;
    if constexpr (std::is_same_v<Sum<T>, Stored<T>>) {
      // Straight to the output where its rows are a panel's, or are touched once; else rows far apart would push each
      // other out of the cache.
      if (out == width || (params.num_offsets == 1 && start + width <= out)) {
        target = output + start;
        stride = out;
      }
    }
    const bool fresh = lists[0].count == end - begin;
    if (!fresh) {
      for (int64_t m = 0; m < end - begin; ++m) std::fill_n(target + m * stride, width, Sum<T>(0));
    }
    for (int64_t k = 0; k < params.num_offsets; ++k) {
      if (lists[k].count == 0) continue;  // the weight of an offset that no row has is not packed
      multiply(lists[k], static_cast<const T*>(params.features), in_elements<T>(params),
               packed_weight<T>(params, k, start), target, stride, fresh && k == 0, start == 0);
    }
    if (target != sums) continue;
    write_rows<T>(sums, width, end - begin, std::min(width, out - start), output + start, out);
  }
}

/// The same of a block in which each row has all offsets. Each row of a panel is touched once.
template <class T>
void convolve_whole_block(const ConvolutionParams& params, int64_t begin, int64_t end, Sum<T>* sums) {
  const TileKernels<T>& kernels = tile_kernels<T>();
  const Panels panels = panels_of(params);
  const WholeRows rows{params.table + begin * params.num_offsets, end - begin, params.num_offsets};
  const int64_t out = params.out_channels;
  Stored<T>* const output = static_cast<Stored<T>*>(params.output) + begin * out;
  for (int64_t start = 0; start < out; start += panels.width_at(start)) {
    const int64_t width = panels.width_at(start);
    const auto multiply = [&](Sum<T>* target, int64_t stride) {
      kernels.multiply_whole[panels.vectors_at(start)](rows, static_cast<const T*>(params.features),
                                                       in_elements<T>(params), offset_weights<T>(params, start), target,
                                                       stride);
    };
    if constexpr (std::is_same_v<Sum<T>, Stored<T>>) {
      if (start + width <= out) {
        multiply(output + start, out);
        continue;
      }
    }
    multiply(sums, width);
    write_rows<T>(sums, width, end - begin, std::min(width, out - start), output + start, out);
  }
}

/// Whether tiles of a block of table rows take all offsets at once: all are there, and the weights of a panel stay in a
/// core's own cache while tile after tile reads them. A single offset gains only where one panel is all, since its rows
/// are fetched again for each panel.
template <class T>
bool takes_whole_rows(const ConvolutionParams& params, int64_t begin, int64_t end) {
  const TileKernels<T>& kernels = tile_kernels<T>();
  const int64_t width = kernels.widest * kernels.lanes, offsets = params.num_offsets;
  const int64_t weight_bytes = offsets * in_elements<T>(params) * width * static_cast<int64_t>(sizeof(T));
  const int32_t* const entries = params.table + begin * offsets;
  return (offsets > 1 || params.out_channels <= width) && entries[0] >= 0 && weight_bytes <= kWholeWeightBytes &&
         kernels.span_of(entries, (end - begin) * offsets).is_whole;
}

template <class T>
void convolve(const ConvolutionParams& params, ParallelFor parallel_for) {
  bool used[kMaxOffsets];
  mark_used_offsets(params.table, params.num_target, params.num_offsets, used);
  pack_weights<T>(params, used, parallel_for);
  const int64_t blocks = (params.num_target + kBlockRows - 1) / kBlockRows;
  for_ranges(parallel_for, 0, blocks, 1, [&](int64_t first, int64_t last) {
    PairLists lists(params.num_offsets, 0, params.num_offsets);
    const AlignedScratch<Sum<T>> sums(kBlockRows * tile_kernels<T>().widest * tile_kernels<T>().lanes);
    for (int64_t block = first; block < last; ++block) {
      const int64_t begin = block * kBlockRows, end = std::min(begin + kBlockRows, params.num_target);
      if (takes_whole_rows<T>(params, begin, end)) {
        convolve_whole_block<T>(params, begin, end, sums.data());
        continue;
      }
      lists.list(params.table, begin, end);
      convolve_block<T>(params, lists, begin, end, sums.data());
    }
  });
}

template <class T>
void choose(const ConvolutionParams& params, ParallelFor parallel_for) {
  if (has_few_rows(params)) return convolve_few_rows<T>(params, parallel_for);
  params.table == nullptr ? scatter<T>(params, parallel_for) : convolve<T>(params, parallel_for);
}

}  // namespace

bool multiplies(DType dtype, int64_t in_channels) {
  if (dtype == DType::bfloat16) return has_bfloat16_products() && in_channels % 2 == 0;
  return dtype != DType::float16;
}

int64_t convolution_workspace_bytes(const ConvolutionParams& params) {
  if (has_few_rows(params)) return 0;
  return packed_weight_bytes(params) + (params.table == nullptr ? scatter_bytes(params) : 0);
}

void convolution(const ConvolutionParams& params, ParallelFor parallel_for) {
  if (params.dtype == DType::bfloat16) return choose<BFloat16Pair>(params, parallel_for);
  params.dtype == DType::float64 ? choose<double>(params, parallel_for) : choose<float>(params, parallel_for);
}

}  // namespace completion::cpu
