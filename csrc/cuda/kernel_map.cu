// kernel_map: each tile of targets finds the 4³ bricks around it once, then every neighbour is bit arithmetic.
// reverse_map: scatter into a table of −1.
#include "around.cuh"
#include "completion/kernel_map.h"

namespace completion::cuda {

namespace {

constexpr int kTileTargets = 2 * kWarpThreads;
constexpr int kFar = -1;                 // the target's place: each of its neighbours is searched on its own
constexpr int64_t kMaxMapBlocks = 4096;  // beyond, a block takes several tiles and fills its tables once for all
constexpr int kReverseRows = 4;

/// Bricks of a tile's targets and what was found around each of them.
struct Tile {
  int num_bricks;
  uint32_t heads[2];             // targets that are the first of their brick
  int32_t places[kTileTargets];  // brick << kCellBits | axes of the cell, or kFar
  Around<kTileTargets> around;   // bricks ascend
};

/// Lists the bricks of the targets, each once; ends with a barrier.
__device__ __forceinline__ void list_bricks(const int64_t* targets, int count, int unit_bits, bool listed, Tile* tile) {
  const int thread = block_thread();
  const bool taken = thread < count;
  uint64_t code = 0, brick = 0;
  bool head = false;
  if (taken) {
    code = key_to_code(targets[thread]);
    brick = brick_of(code, unit_bits);
    head = thread == 0 || brick_of(key_to_code(targets[thread - 1]), unit_bits) != brick;
  }
  if (thread < kTileTargets) {  // whole warps
    const uint32_t heads = __ballot_sync(kFullWarp, head);
    if (thread % kWarpThreads == 0) tile->heads[thread / kWarpThreads] = heads;
  }
  __syncthreads();
  if (taken) {
    const int lane = thread % kWarpThreads;
    const int heads_up_to = __popc(tile->heads[thread / kWarpThreads] & (0xffffffffu >> (kWarpThreads - 1 - lane)));
    const int local = (thread < kWarpThreads ? 0 : __popc(tile->heads[0])) + heads_up_to - 1;
    const bool near = listed && on_unit(code, unit_bits);
    tile->places[thread] = near ? local << kCellBits | axes_of_cell(cell_of(code, unit_bits)) : kFar;
    if (head) tile->around.bricks[local] = brick;
  }
  if (thread == 0) tile->num_bricks = __popc(tile->heads[0]) + __popc(tile->heads[1]);
  __syncthreads();
}

__device__ __forceinline__ int32_t near_row(const Neighbourhood& neighbourhood, const Tile& tile, int place, int k) {
  const int entry = neighbourhood.entry(place & (kBrickCells - 1), k);
  if (entry >= kOffUnit) return -1;
  return row_around(tile.around, place >> kCellBits, neighbourhood.num_bricks, entry);
}

/// Blocks of tiles; threadIdx.x walks along the offsets of a target, so that the table is written in its own order.
__global__ void __launch_bounds__(kBlockThreads)
    find_neighbours(KernelMapParams params, Reach reach, SetBricks source) {
  __shared__ Neighbourhood neighbourhood;
  __shared__ Tile tile;
  const int unit_bits = *source.unit_bits;
  const int num_offsets = params.offsets.count;
  fill_neighbourhood(params.offsets, reach, unit_bits, Spread::all_cells(), Spread::all_cells(), &neighbourhood);
  const bool listed = neighbourhood.num_bricks > 0;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kTileTargets;
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * kTileTargets; first < params.num_target; first += step) {
    const int count = static_cast<int>(min(int64_t{kTileTargets}, params.num_target - first));
    list_bricks(params.target_keys + first, count, unit_bits, listed, &tile);
    find_around(source, neighbourhood, unit_bits, tile.num_bricks, &tile.around);
    for (int target = threadIdx.y; target < count; target += blockDim.y) {
      const int place = tile.places[target];
      int32_t* const row = params.table + (first + target) * num_offsets;
      for (int k = threadIdx.x; k < num_offsets; k += blockDim.x) {
        row[k] = place == kFar
                     ? far_row(source, params.offsets, unit_bits, key_to_code(params.target_keys[first + target]), k)
                     : near_row(neighbourhood, tile, place, k);
      }
    }
    __syncthreads();
  }
}

/// Several rows a thread, whose loads do not wait for each other.
__global__ void __launch_bounds__(kBlockThreads) scatter_rows(ReverseMapParams params) {
  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.y * kReverseRows + threadIdx.y;
  const int64_t num_offsets = params.num_offsets;
  for (int k = threadIdx.x; k < params.num_offsets; k += blockDim.x) {
    int32_t sources[kReverseRows];
#pragma unroll
    for (int i = 0; i < kReverseRows; ++i) {
      const int64_t target = first + static_cast<int64_t>(i) * blockDim.y;
      sources[i] = target < params.num_target ? params.table[target * num_offsets + k] : -1;
    }
#pragma unroll
    for (int i = 0; i < kReverseRows; ++i) {
      const int64_t target = first + static_cast<int64_t>(i) * blockDim.y;
      if (sources[i] >= 0) params.reverse[sources[i] * num_offsets + k] = static_cast<int32_t>(target);
    }
  }
}

/// Threads of a block as rows by offsets.
dim3 row_block(int num_offsets) {
  unsigned width = 1;
  while (static_cast<int>(width) < num_offsets && width < kWarpThreads) width *= 2;
  return dim3(width, kBlockThreads / width);
}

}  // namespace

int64_t kernel_map_workspace_bytes(const KernelMapParams& params) {
  Workspace workspace(nullptr);
  take_set_bricks(params.source_keys, params.num_source, &workspace);
  return workspace.bytes();
}

Status kernel_map(const KernelMapParams& params, void* stream) {
  if (params.num_target == 0) return 0;
  Workspace workspace(params.workspace);
  const SetBricks source = take_set_bricks(params.source_keys, params.num_source, &workspace);
  build_set_bricks(source, stream);
  const int64_t tiles = ceil_div(params.num_target, kTileTargets);
  const dim3 block = row_block(params.offsets.count);
  launch(find_neighbours, tiles < kMaxMapBlocks ? tiles : kMaxMapBlocks, 1, block, stream, params,
         reach_of(params.offsets), source);
  return last_status();
}

Status reverse_map(const ReverseMapParams& params, void* stream) {
  const int64_t bytes = params.num_source * params.num_offsets * static_cast<int64_t>(sizeof(int32_t));
  if (bytes > 0) cudaMemsetAsync(params.reverse, 0xff, bytes, static_cast<cudaStream_t>(stream));  // all bits set = −1
  const dim3 block = row_block(params.num_offsets);
  launch(scatter_rows, ceil_div(params.num_target, block.y * kReverseRows), 1, block, stream, params);
  return last_status();
}

}  // namespace completion::cuda
