// Stable compaction: counts flagged items per tile, scans the counts, gives each item its rank. Three small kernels,
// two for few items, the same result for every grid; owns no meaning of the flags.
#pragma once

#include "launch.cuh"

namespace completion::cuda {

constexpr int kWarpRounds = 8;
constexpr int kWarpItems = kWarpRounds * kWarpThreads;  // consecutive items of one warp
constexpr int kTileItems = kBlockWarps * kWarpItems;    // consecutive items of one block

inline int64_t num_tiles(int64_t num_items) { return ceil_div(num_items, kTileItems); }

/// Votes of this warp's items, one word a round, and their sum.
template <class Flag>
__device__ __forceinline__ int32_t vote(const Flag& flag, int64_t begin, int64_t num_items, uint32_t* votes) {
  int32_t count = 0;
#pragma unroll
  for (int round = 0; round < kWarpRounds; ++round) {
    const int64_t item = begin + round * kWarpThreads + threadIdx.x % kWarpThreads;
    votes[round] = __ballot_sync(kFullWarp, item < num_items && flag(item));
    count += __popc(votes[round]);
  }
  return count;
}

/// Flagged items of one tile, for every thread of the block.
template <class Flag>
__device__ __forceinline__ int32_t count_tile(const Flag& flag, int64_t tile, int64_t num_items) {
  __shared__ int32_t warp_counts[kBlockWarps];
  const int warp = threadIdx.x / kWarpThreads;
  uint32_t votes[kWarpRounds];
  const int32_t count = vote(flag, tile * kTileItems + warp * kWarpItems, num_items, votes);
  if (threadIdx.x % kWarpThreads == 0) warp_counts[warp] = count;
  __syncthreads();
  int32_t sum = 0;
  for (int w = 0; w < kBlockWarps; ++w) sum += warp_counts[w];
  __syncthreads();
  return sum;
}

template <class Flag>
__global__ void __launch_bounds__(kBlockThreads) count_tiles(Flag flag, int64_t num_items, int32_t* tile_counts) {
  const int32_t count = count_tile(flag, blockIdx.x, num_items);
  if (threadIdx.x == 0) tile_counts[blockIdx.x] = count;
}

/// One block, at most one tile: count_tiles and scan_tiles at once.
template <class Flag>
__global__ void __launch_bounds__(kBlockThreads)
    count_only_tile(Flag flag, int64_t num_items, int32_t* tile_counts, int64_t base, int64_t* total) {
  const int32_t count = count_tile(flag, 0, num_items);
  if (threadIdx.x != 0) return;
  if (num_items > 0) tile_counts[0] = 0;
  *total = base + count;
}

/// Sum of the counts of this thread and those before it in the block.
__device__ __forceinline__ int32_t scan_block(int32_t count) {
  __shared__ int32_t sums[kBlockThreads];
  const int thread = threadIdx.x;
  sums[thread] = count;
  __syncthreads();
  for (int reach = 1; reach < kBlockThreads; reach *= 2) {
    const int32_t before = thread >= reach ? sums[thread - reach] : 0;
    __syncthreads();
    sums[thread] += before;
    __syncthreads();
  }
  const int32_t sum = sums[thread];
  __syncthreads();
  return sum;
}

/// For a whole block: tile counts become the number of flagged items in all tiles before; *total = base + their sum.
__device__ __forceinline__ void scan_counts(int32_t* tile_counts, int64_t tiles, int64_t base, int64_t* total) {
  __shared__ int32_t carried;
  int32_t carry = 0;
  for (int64_t begin = 0; begin < tiles; begin += kBlockThreads) {
    const int64_t tile = begin + threadIdx.x;
    const int32_t count = tile < tiles ? tile_counts[tile] : 0;
    const int32_t sum = carry + scan_block(count);
    if (tile < tiles) tile_counts[tile] = sum - count;
    if (threadIdx.x == kBlockThreads - 1) carried = sum;
    __syncthreads();
    carry = carried;
    __syncthreads();
  }
  if (threadIdx.x == 0) *total = base + carry;
}

static __global__ void __launch_bounds__(kBlockThreads)
    scan_tiles(int32_t* tile_counts, int64_t tiles, int64_t base, int64_t* total) {
  scan_counts(tile_counts, tiles, base, total);
}

/// emit(item, rank, flagged) for every item; rank is the number of flagged items before it.
template <class Flag, class Emit>
__global__ void __launch_bounds__(kBlockThreads)
    emit_tiles(Flag flag, Emit emit, int64_t num_items, const int32_t* tile_offsets) {
  __shared__ int32_t warp_counts[kBlockWarps];
  const int warp = threadIdx.x / kWarpThreads;
  const int lane = threadIdx.x % kWarpThreads;
  uint32_t votes[kWarpRounds];
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * kTileItems + warp * kWarpItems;
  const int32_t count = vote(flag, begin, num_items, votes);
  if (lane == 0) warp_counts[warp] = count;
  __syncthreads();
  int32_t rank = tile_offsets[blockIdx.x];
  for (int w = 0; w < warp; ++w) rank += warp_counts[w];
#pragma unroll
  for (int round = 0; round < kWarpRounds; ++round) {
    const int64_t item = begin + round * kWarpThreads + lane;
    const int32_t before = __popc(votes[round] & ((1u << lane) - 1u));
    if (item < num_items) emit(item, rank + before, (votes[round] >> lane & 1u) != 0);
    rank += __popc(votes[round]);
  }
}

/// Fills the tiles for emit_flagged and *total = base + number of flagged items.
template <class Flag>
void count_flagged(const Flag& flag, int64_t num_items, int32_t* tiles, int64_t base, int64_t* total, void* stream) {
  if (num_tiles(num_items) <= 1) {
    launch(count_only_tile<Flag>, 1, 1, dim3(kBlockThreads), stream, flag, num_items, tiles, base, total);
    return;
  }
  launch(count_tiles<Flag>, num_tiles(num_items), 1, dim3(kBlockThreads), stream, flag, num_items, tiles);
  launch(scan_tiles, 1, 1, dim3(kBlockThreads), stream, tiles, num_tiles(num_items), base, total);
}

template <class Flag, class Emit>
void emit_flagged(const Flag& flag, const Emit& emit, int64_t num_items, const int32_t* tiles, void* stream) {
  launch(emit_tiles<Flag, Emit>, num_tiles(num_items), 1, dim3(kBlockThreads), stream, flag, emit, num_items, tiles);
}

}  // namespace completion::cuda
