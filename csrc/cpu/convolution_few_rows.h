// convolution where few rows meet large weights, as on the coarsest levels of a network: each panel of a weight is
// packed, used by all blocks of rows while it is in the cache, and forgotten, so that weights pass through memory once.
//
// Threads share out the panels. Sums are added in the order of the offsets.
#pragma once

#include <algorithm>
#include <vector>

#include "aligned.h"
#include "completion/convolution.h"
#include "completion/offsets.h"
#include "convolution_scatter.h"
#include "convolution_tiles.h"
#include "convolution_weights.h"
#include "pair_lists.h"

namespace completion::cpu {

constexpr int64_t kFewRows = 4 * kBlockRows;
constexpr int64_t kLargeWeight = 64 * 64;  // of one offset
constexpr int64_t kFewRowsPanel = 2;       // vectors: threads share out the panels, so that there must be enough

/// Whether weights rather than rows are what passes through memory.
inline bool has_few_rows(const ConvolutionParams& params) {
  if (params.in_channels * params.out_channels < kLargeWeight) return false;
  if (params.table == nullptr) return params.num_source <= kFewRows && scatters_in_place(params);
  return params.num_target <= kFewRows;
}

inline std::vector<PairLists> list_all(const int32_t* table, int64_t num_rows, int64_t num_offsets) {
  std::vector<PairLists> lists;
  for (int64_t begin = 0; begin < num_rows; begin += kBlockRows) {
    lists.emplace_back(num_offsets, 0, num_offsets);
    lists.back().list(table, begin, std::min(begin + kBlockRows, num_rows));
  }
  return lists;
}

/// y[m] = Σ_k x[table[m, k]] W_k for the output channels of one panel after the other; sums is [M, width] scratch.
template <class T>
class FewTargets {
 public:
  FewTargets(const ConvolutionParams& params, const std::vector<PairLists>& lists)
      : params_(params), lists_(lists), sums_(params.num_target * kFewRowsPanel * tile_kernels<T>().lanes) {}

  void begin(int64_t, int64_t width) { std::fill_n(sums_.data(), params_.num_target * width, Sum<T>(0)); }

  void add(int64_t k, int64_t, int64_t width, const T* weight) {
    const TileKernels<T>& kernels = tile_kernels<T>();
    const auto multiply = kernels.multiply[width / kernels.lanes];
    for (size_t block = 0; block < lists_.size(); ++block) {
      Sum<T>* const sums = sums_.data() + static_cast<int64_t>(block) * kBlockRows * width;
      multiply(lists_[block][k], static_cast<const T*>(params_.features), in_elements<T>(params_), weight, sums, width,
               false, false);
    }
  }

  void end(int64_t start, int64_t width) {
    const int64_t out = params_.out_channels;
    write_rows<T>(sums_.data(), width, params_.num_target, std::min(width, out - start),
                  static_cast<Stored<T>*>(params_.output) + start, out);
  }

 private:
  const ConvolutionParams& params_;
  const std::vector<PairLists>& lists_;
  AlignedScratch<Sum<T>> sums_;
};

/// y[reverse[n, k]] += x[n] W_k for the output channels of one panel after the other; the output is the sums.
template <class T>
class FewSources {
 public:
  FewSources(const ConvolutionParams& params, const std::vector<PairLists>& lists) : params_(params), lists_(lists) {}

  void begin(int64_t start, int64_t width) {
    for (int64_t m = 0; m < params_.num_target; ++m)
      std::fill_n(sums(start) + m * params_.out_channels, width, Sum<T>(0));
  }

  void add(int64_t k, int64_t start, int64_t width, const T* weight) {
    const TileKernels<T>& kernels = tile_kernels<T>();
    const auto scatter = kernels.scatter[width / kernels.lanes];
    for (size_t block = 0; block < lists_.size(); ++block) {
      const int64_t row = static_cast<int64_t>(block) * kBlockRows;
      scatter(lists_[block][k], static_cast<const T*>(params_.features) + row * in_elements<T>(params_),
              in_elements<T>(params_), weight, sums(start), params_.out_channels);
    }
  }

  void end(int64_t, int64_t) {}

 private:
  Sum<T>* sums(int64_t start) const { return static_cast<Sum<T>*>(params_.output) + start; }

  const ConvolutionParams& params_;
  const std::vector<PairLists>& lists_;
};

template <class T, class Side>
void by_panels(const ConvolutionParams& params, const std::vector<PairLists>& lists, ParallelFor parallel_for) {
  const Panels panels{panels_of(params).lanes, params.out_channels, kFewRowsPanel};
  const int64_t widest = kFewRowsPanel * panels.lanes;
  for_ranges(parallel_for, 0, (panels.padded() + widest - 1) / widest, 1, [&](int64_t first, int64_t last) {
    Side side(params, lists);
    const AlignedScratch<T> packed(in_elements<T>(params) * widest);
    for (int64_t start = first * widest; start < std::min(last * widest, panels.padded()); start += widest) {
      const int64_t width = panels.width_at(start);
      side.begin(start, width);
      for (int64_t k = 0; k < params.num_offsets; ++k) {
        if (std::all_of(lists.begin(), lists.end(), [&](const PairLists& block) { return block[k].count == 0; })) {
          continue;
        }
        pack_panel(params, panels, k, start, packed.data());
        side.add(k, start, width, packed.data());
      }
      side.end(start, width);
    }
  });
}

template <class T>
void convolve_few_rows(const ConvolutionParams& params, ParallelFor parallel_for) {
  if (params.table == nullptr) {
    by_panels<T, FewSources<T>>(params, list_all(params.reverse, params.num_source, params.num_offsets), parallel_for);
  } else {
    by_panels<T, FewTargets<T>>(params, list_all(params.table, params.num_target, params.num_offsets), parallel_for);
  }
}

}  // namespace completion::cpu
