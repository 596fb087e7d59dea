// kernel_map: bisection for each (target, offset); reverse_map: scatter into a table of −1.
#include "completion/kernel_map.h"
#include "completion/key.h"
#include "launch.cuh"
#include "search.cuh"

namespace completion::cuda {

namespace {

constexpr int kTileTargets = kWarpThreads;
constexpr int kTileOffsets = 32;

/// One block: 32 targets × up to 32 offsets. A warp takes 32 neighbouring targets of one offset, whose searches share
/// their path; the rows found pass through shared memory so that the table is written in its own order.
__global__ void __launch_bounds__(kBlockThreads) find_neighbours(KernelMapParams params) {
  __shared__ MortonOffset offsets[kTileOffsets];
  __shared__ int32_t found[kTileTargets][kTileOffsets + 1];
  const int num_offsets = params.offsets.count;
  const int first_offset = blockIdx.y * kTileOffsets;
  const int count = min(kTileOffsets, num_offsets - first_offset);
  const int64_t first_target = static_cast<int64_t>(blockIdx.x) * kTileTargets;
  const int thread = threadIdx.x;
  if (thread < count) {
    const int32_t* const xyz = params.offsets.xyz + 3 * (first_offset + thread);
    offsets[thread] = morton_offset(xyz[0], xyz[1], xyz[2]);
  }
  __syncthreads();
  const int lane = thread % kWarpThreads;
  if (first_target + lane < params.num_target) {
    const uint64_t target = key_to_code(params.target_keys[first_target + lane]);
    for (int k = thread / kWarpThreads; k < count; k += kBlockWarps) {
      uint64_t site;
      const bool inside = add_offset(target, offsets[k], &site);
      found[lane][k] =
          inside ? find_row(params.source_keys, static_cast<int32_t>(params.num_source), code_to_key(site)) : -1;
    }
  }
  __syncthreads();
  for (int entry = thread; entry < kTileTargets * count; entry += kBlockThreads) {
    const int64_t target = first_target + entry / count;
    const int k = entry % count;
    if (target < params.num_target) params.table[target * num_offsets + first_offset + k] = found[entry / count][k];
  }
}

__global__ void __launch_bounds__(kBlockThreads) scatter_rows(ReverseMapParams params) {
  const int64_t target = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (target >= params.num_target) return;
  for (int k = threadIdx.x; k < params.num_offsets; k += blockDim.x) {
    const int64_t source = params.table[target * params.num_offsets + k];
    if (source >= 0) params.reverse[source * params.num_offsets + k] = static_cast<int32_t>(target);
  }
}

}  // namespace

int64_t kernel_map_workspace_bytes(const KernelMapParams&) { return 0; }

Status kernel_map(const KernelMapParams& params, void* stream) {
  launch(find_neighbours, ceil_div(params.num_target, kTileTargets), ceil_div(params.offsets.count, kTileOffsets),
         dim3(kBlockThreads), stream, params);
  return last_status();
}

Status reverse_map(const ReverseMapParams& params, void* stream) {
  const int64_t bytes = params.num_source * params.num_offsets * static_cast<int64_t>(sizeof(int32_t));
  if (bytes > 0) cudaMemsetAsync(params.reverse, 0xff, bytes, static_cast<cudaStream_t>(stream));  // all bits set = −1
  launch_rows(scatter_rows, params.num_target, params.num_offsets, stream, params);
  return last_status();
}

}  // namespace completion::cuda
