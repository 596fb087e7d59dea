// The pairs of one offset among a range of rows, listed in row order in shared memory: what the weight gradients of
// both kinds walk. Owns the choice of the side that is listed and of the ranges.
#pragma once

#include "completion/convolution.h"
#include "launch.cuh"

namespace completion::cuda {

/// The shorter of table and reverse: both name the same pairs.
struct PairSide {
  const int32_t* entries;  // [rows, K] partner of each row, or −1
  int64_t num_rows;
  bool rows_are_sources;
  int64_t row_stride, offset_stride;  // of entries
};

inline PairSide shorter_side(const ConvolutionGradWeightParams& params) {
  const bool shorter = params.reverse != nullptr && params.num_source < params.num_target;
  const bool reverse = shorter || params.table == nullptr;
  return {reverse ? params.reverse : params.table, reverse ? params.num_source : params.num_target, reverse,
          params.num_offsets, 1};
}

/// How rows are cut into ranges, one for each block of an offset and tile.
struct Ranges {
  int64_t count;
  int64_t rows_per_range;  // a multiple of the list's rows
};

/// Ranges depend on the sizes alone: the result is bitwise the same on every run.
inline Ranges cut_into_ranges(int64_t num_rows, int64_t list_rows, int64_t blocks_per_range, int64_t target_blocks,
                              int64_t least_lists) {
  const int64_t lists = ceil_div(num_rows, list_rows);
  const int64_t wanted = ceil_div(lists, ceil_div(target_blocks, blocks_per_range));
  const int64_t lists_per_range = wanted > least_lists ? wanted : least_lists;
  return {lists > 0 ? ceil_div(lists, lists_per_range) : 1, lists_per_range * list_rows};
}

/// Source and target row of up to kRows pairs, in row order.
template <int kRows>
struct PairList {
  alignas(16) int32_t source[kRows];
  alignas(16) int32_t target[kRows];
  int32_t warp_counts[kBlockWarps];
};

/// Lists the pairs of offset k among the list's rows from first_row on, by a block of kThreads; returns their number.
template <int kRows, int kThreads>
__device__ int list_pairs(const PairSide& side, int k, int64_t first_row, int64_t end_row, PairList<kRows>& pairs) {
  constexpr int kWarps = kThreads / kWarpThreads;
  constexpr int kRounds = kRows / kThreads;  // of 32 consecutive rows of each warp
  const int lane = threadIdx.x % kWarpThreads;
  const int warp = threadIdx.x / kWarpThreads;
  const int64_t warp_row = first_row + warp * (kRounds * kWarpThreads) + lane;
  int32_t partners[kRounds];
#pragma unroll
  for (int round = 0; round < kRounds; ++round) {
    const int64_t row = warp_row + round * kWarpThreads;
    partners[round] = row < end_row ? side.entries[row * side.row_stride + k * side.offset_stride] : -1;
  }
  unsigned votes[kRounds];
  int count = 0;
#pragma unroll
  for (int round = 0; round < kRounds; ++round) {
    votes[round] = __ballot_sync(kFullWarp, partners[round] >= 0);
    count += __popc(votes[round]);
  }
  if (lane == 0) pairs.warp_counts[warp] = count;
  __syncthreads();
  int before = 0;
  int total = 0;
  for (int w = 0; w < kWarps; ++w) {
    if (w < warp) before += pairs.warp_counts[w];
    total += pairs.warp_counts[w];
  }
#pragma unroll
  for (int round = 0; round < kRounds; ++round) {
    const int place = before + __popc(votes[round] & ((1u << lane) - 1u));
    if (partners[round] >= 0) {
      const int32_t row = static_cast<int32_t>(warp_row + round * kWarpThreads);
      pairs.source[place] = side.rows_are_sources ? row : partners[round];
      pairs.target[place] = side.rows_are_sources ? partners[round] : row;
    }
    before += __popc(votes[round]);
  }
  __syncthreads();
  return total;
}

/// Ends the list with absent pairs, to a multiple of kMultiple.
template <int kMultiple, int kRows>
__device__ void pad_list(int num_pairs, PairList<kRows>& pairs) {
  static_assert(kMultiple <= 64 && kRows % kMultiple == 0, "a thread for each");
  const int place = num_pairs + static_cast<int>(threadIdx.x);
  if (place < (num_pairs + kMultiple - 1) / kMultiple * kMultiple) pairs.source[place] = pairs.target[place] = -1;
  __syncthreads();
}

}  // namespace completion::cuda
