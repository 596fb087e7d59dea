// convolution by the reverse of its table: y[reverse[n, k]] += x[n] W_k. Where many targets meet few sources, as in
// generative layers, the reverse is the smaller and the fuller table.
//
// Threads share out the targets, cut where few blocks of sources reach both sides, and each walks the blocks that reach
// its own; the sums of a row are added block by block, in a block offset by offset or, where all offsets are there, by
// groups of them and tiles of sources, however many threads there are.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "completion/convolution.h"
#include "completion/offsets.h"
#include "convolution_tiles.h"
#include "convolution_weights.h"
#include "pair_lists.h"

namespace completion::cpu {

constexpr int64_t kTargetsOfPiece = 2048;

/// Whether rows of sums are whole vectors of the output's type, and so can be the output.
inline bool scatters_in_place(const ConvolutionParams& params) {
  return params.dtype != DType::bfloat16 && params.out_channels == panels_of(params).padded();
}

/// Scratch behind the packed weights: sums with padded rows, where the output is not the sums.
inline int64_t scatter_bytes(const ConvolutionParams& params) {
  if (scatters_in_place(params)) return 0;
  return params.num_target * panels_of(params).padded() * std::max<int64_t>(4, element_bytes(params.dtype));
}

/// Targets that a block of sources reaches; no later block reaches any before `later_first`.
struct Reach {
  EntrySpan span;
  int32_t later_first = INT32_MAX;
};

inline std::vector<Reach> reach_of_blocks(const ConvolutionParams& params, ParallelFor parallel_for) {
  std::vector<Reach> reach((params.num_source + kBlockRows - 1) / kBlockRows);
  const int64_t entries = kBlockRows * params.num_offsets, all = params.num_source * params.num_offsets;
  for_ranges(parallel_for, 0, static_cast<int64_t>(reach.size()), 4, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * entries, count = std::min(entries, all - first);
      reach[block].span = tile_kernels<float>().span_of(params.reverse + first, count);
    }
  });
  for (size_t block = reach.size(); block-- > 1;) {
    const EntrySpan& span = reach[block].span;
    reach[block - 1].later_first = std::min(span.last < 0 ? INT32_MAX : span.first, reach[block].later_first);
  }
  return reach;
}

/// Where threads may cut the targets: between pieces of them. A block that has all offsets and reaches both sides of a
/// cut is multiplied for both; of others the pairs are listed for each.
class TargetCuts {
 public:
  TargetCuts(const std::vector<Reach>& reach, int64_t num_target)
      : num_target_(num_target),
        num_blocks_(static_cast<int64_t>(reach.size())),
        crossing_((num_target + kTargetsOfPiece - 1) / kTargetsOfPiece + 1) {
    for (const Reach& block : reach) {
      if (!block.span.is_whole) continue;
      ++crossing_[block.span.first / kTargetsOfPiece + 1];
      --crossing_[block.span.last / kTargetsOfPiece + 1];
    }
    std::partial_sum(crossing_.begin(), crossing_.end(), crossing_.begin());
  }

  int64_t num_pieces() const { return static_cast<int64_t>(crossing_.size()) - 1; }

  /// First target after the best cut near the beginning of a piece: the one that gives a thread the fewest blocks more,
  /// of those multiplied twice and of those between the two. Ascending, as the pieces are.
  int64_t near(int64_t piece) const {
    if (piece == 0 || piece == num_pieces()) return std::min(piece * kTargetsOfPiece, num_target_);
    int64_t best = 0, least = INT64_MAX;
    for (int64_t cut = 0; cut < num_pieces(); ++cut) {
      const int64_t more = crossing_[cut] * num_pieces() + std::abs(cut - piece) * num_blocks_;
      if (more < least) best = cut;
      least = std::min(more, least);
    }
    return best * kTargetsOfPiece;
  }

 private:
  int64_t num_target_, num_blocks_;
  std::vector<int64_t> crossing_;  // blocks that reach both sides of the beginning of each piece
};

/// Features of the sources from `row` on.
template <class T>
const T* features_from(const ConvolutionParams& params, int64_t row) {
  return static_cast<const T*>(params.features) + row * in_elements<T>(params);
}

/// One block of sources that have all offsets, panel by panel; sums are rows of `padded` channels.
template <class T>
void scatter_whole_block(const ConvolutionParams& params, int64_t begin, int64_t end, EntryRange range, bool is_all,
                         Sum<T>* sums) {
  const TileKernels<T>& kernels = tile_kernels<T>();
  const Panels panels = panels_of(params);
  const WholeRows rows{params.reverse + begin * params.num_offsets, end - begin, params.num_offsets};
  for (int64_t start = 0; start < params.out_channels; start += panels.width_at(start)) {
    kernels.scatter_whole[panels.vectors_at(start)](rows, features_from<T>(params, begin), in_elements<T>(params),
                                                    offset_weights<T>(params, start), sums + start, panels.padded(),
                                                    range, is_all);
  }
}

/// One block of sources, panel by panel; sums are rows of `padded` channels.
template <class T>
void scatter_block(const ConvolutionParams& params, const PairLists& lists, int64_t begin, Sum<T>* sums) {
  const TileKernels<T>& kernels = tile_kernels<T>();
  const Panels panels = panels_of(params);
  const T* const features = features_from<T>(params, begin);
  for (int64_t start = 0; start < params.out_channels; start += panels.width_at(start)) {
    const auto scatter_pairs = kernels.scatter[panels.vectors_at(start)];
    for (int64_t k = 0; k < params.num_offsets; ++k) {
      if (lists[k].count == 0) continue;
      scatter_pairs(lists[k], features, in_elements<T>(params), packed_weight<T>(params, k, start), sums + start,
                    panels.padded());
    }
  }
}

template <class T>
void scatter(const ConvolutionParams& params, ParallelFor parallel_for) {
  bool used[kMaxOffsets];
  mark_used_offsets(params.reverse, params.num_source, params.num_offsets, used);
  pack_weights<T>(params, used, parallel_for);
  const std::vector<Reach> reach = reach_of_blocks(params, parallel_for);
  const int64_t padded = panels_of(params).padded(), out = params.out_channels;
  const bool in_place = scatters_in_place(params);
  void* const behind_weights = static_cast<char*>(params.workspace) + packed_weight_bytes(params);
  auto* const output = static_cast<Stored<T>*>(params.output);
  auto* const sums = static_cast<Sum<T>*>(in_place ? params.output : behind_weights);
  const TargetCuts cuts(reach, params.num_target);
  for_ranges(parallel_for, 0, cuts.num_pieces(), 1, [&](int64_t first_piece, int64_t last_piece) {
    const int64_t begin = cuts.near(first_piece), end = cuts.near(last_piece);
    PairLists lists(params.num_offsets, 0, params.num_offsets);
    int64_t cleared = begin, written = begin;
    const auto clear_up_to = [&](int64_t row) {  // shortly before rows are first met
      if (row > cleared) std::fill(sums + cleared * padded, sums + row * padded, Sum<T>(0));
      cleared = std::max(cleared, row);
    };
    const auto write_up_to = [&](int64_t row) {  // shortly after they are last met
      if (in_place || row <= written) return;
      clear_up_to(row);
      write_rows<T>(sums + written * padded, padded, row - written, out, output + written * out, out);
      written = row;
    };
    const EntryRange range{static_cast<int32_t>(begin), static_cast<int32_t>(end)};
    for (size_t block = 0; block < reach.size(); ++block) {
      const EntrySpan& span = reach[block].span;
      if (span.last < begin || span.first >= end) continue;
      clear_up_to(std::min<int64_t>(span.last + 1, end));
      const int64_t row = static_cast<int64_t>(block) * kBlockRows,
                    row_end = std::min(row + kBlockRows, params.num_source);
      if (span.is_whole) {
        scatter_whole_block<T>(params, row, row_end, range, span.first >= begin && span.last < end, sums);
      } else {
        lists.list(params.reverse, row, row_end, range);
        scatter_block<T>(params, lists, row, sums);
      }
      write_up_to(std::min<int64_t>(reach[block].later_first, end));
    }
    clear_up_to(end);
    write_up_to(end);
  });
}

}  // namespace completion::cpu
