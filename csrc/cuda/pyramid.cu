// pyramid: every block counts the cells of all levels that begin in its rows, one block for each level adds the counts
// up, and every block writes its cells.
#include "compaction.cuh"
#include "completion/pyramid.h"

namespace completion::cuda {

namespace {

/// Cells that begin in the tiles before, [L][tiles]; before scan_levels in the tile itself.
struct Tiles {
  int32_t* counts;
  int64_t count;

  Tiles(const PyramidParams& params, void* workspace)
      : counts(static_cast<int32_t*>(workspace)), count(num_tiles(params.num_rows)) {}

  COMPLETION_HD int32_t* of_level(int32_t level) const { return counts + (level - 1) * count; }
};

/// Heights of a thread's rows, of which each warp has consecutive ones; −1 where there is no row.
struct Heights {
  int32_t value[kWarpRounds];
  int64_t first;  // row

  __device__ __forceinline__ explicit Heights(const PyramidParams& params)
      : first(static_cast<int64_t>(blockIdx.x) * kTileItems + threadIdx.x / kWarpThreads * kWarpItems +
              threadIdx.x % kWarpThreads) {
#pragma unroll
    for (int round = 0; round < kWarpRounds; ++round) {
      value[round] = row(round) < params.num_rows ? height_of(params, row(round)) : -1;
    }
  }

  __device__ __forceinline__ int64_t row(int round) const { return first + round * kWarpThreads; }

  /// Rows of the warp that begin a cell of the level: a word for each round, and their number.
  __device__ __forceinline__ int32_t vote(int32_t level, uint32_t (&votes)[kWarpRounds]) const {
    int32_t count = 0;
#pragma unroll
    for (int round = 0; round < kWarpRounds; ++round) {
      votes[round] = __ballot_sync(kFullWarp, value[round] >= level);
      count += __popc(votes[round]);
    }
    return count;
  }
};

__global__ void __launch_bounds__(kBlockThreads) count_cells(PyramidParams params, Tiles tiles) {
  __shared__ int32_t warp_counts[kMaxLevels][kBlockWarps];
  const Heights heights(params);
  for (int32_t level = 1; level <= params.num_levels; ++level) {
    uint32_t votes[kWarpRounds];
    const int32_t count = heights.vote(level, votes);
    if (threadIdx.x % kWarpThreads == 0) warp_counts[level - 1][threadIdx.x / kWarpThreads] = count;
  }
  __syncthreads();
  if (threadIdx.x >= params.num_levels) return;
  int32_t sum = 0;
  for (int w = 0; w < kBlockWarps; ++w) sum += warp_counts[threadIdx.x][w];
  tiles.of_level(static_cast<int32_t>(threadIdx.x) + 1)[blockIdx.x] = sum;
}

/// A block for each level.
__global__ void __launch_bounds__(kBlockThreads) scan_levels(Tiles tiles, int64_t* counts) {
  scan_counts(tiles.of_level(static_cast<int32_t>(blockIdx.x) + 1), tiles.count, 0, counts + blockIdx.x);
}

__global__ void __launch_bounds__(kBlockThreads) write_cells(PyramidParams params, Tiles tiles) {
  __shared__ int32_t warp_counts[kMaxLevels][kBlockWarps];
  const int warp = static_cast<int>(threadIdx.x) / kWarpThreads, lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  const Heights heights(params);
  int32_t below[kWarpRounds];  // row of the level below that each row is in
#pragma unroll
  for (int round = 0; round < kWarpRounds; ++round) below[round] = static_cast<int32_t>(heights.row(round));
  for (int32_t level = 1; level <= params.num_levels; ++level) {
    uint32_t votes[kWarpRounds];
    const int32_t count = heights.vote(level, votes);
    if (lane == 0) warp_counts[level - 1][warp] = count;
    __syncthreads();
    int32_t before = tiles.of_level(level)[blockIdx.x];  // cells that begin before the round
    for (int w = 0; w < warp; ++w) before += warp_counts[level - 1][w];
#pragma unroll
    for (int round = 0; round < kWarpRounds; ++round) {
      // The cell of a row is the last one that has begun.
      const int32_t cell = before + __popc(votes[round] & ((2u << lane) - 1u)) - 1;
      const int32_t height = heights.value[round];
      if (height >= level) {
        params.level_keys[level - 1][cell] = cell_key(params, params.keys[heights.row(round)], level);
      }
      if (height >= level - 1) params.parents[level - 1][below[round]] = cell;
      below[round] = cell;
      before += __popc(votes[round]);
    }
  }
}

}  // namespace

int64_t pyramid_workspace_bytes(const PyramidParams& params) {
  return params.num_levels * num_tiles(params.num_rows) * static_cast<int64_t>(sizeof(int32_t));
}

Status pyramid_count(const PyramidParams& params, void* stream) {
  const Tiles tiles(params, params.workspace);
  launch(count_cells, tiles.count, 1, dim3(kBlockThreads), stream, params, tiles);
  launch(scan_levels, params.num_levels, 1, dim3(kBlockThreads), stream, tiles, params.counts);
  return last_status();
}

Status pyramid_fill(const PyramidParams& params, void* stream) {
  const Tiles tiles(params, params.workspace);
  launch(write_cells, tiles.count, 1, dim3(kBlockThreads), stream, params, tiles);
  return last_status();
}

}  // namespace completion::cuda
