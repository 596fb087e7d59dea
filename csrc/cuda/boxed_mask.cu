// boxed_mask: a block takes a stretch of rows, nearly always of one item, and adds to its count once for each warp.
#include "completion/boxed_mask.h"
#include "completion/key.h"
#include "launch.cuh"

namespace completion::cuda {

namespace {

constexpr int kThreadRows = 8;
constexpr int64_t kBlockRows = static_cast<int64_t>(kThreadRows) * kBlockThreads;

/// Adds the warp's rows to a count.
__device__ void add_warp(int64_t* count, int32_t rows) {
  for (int lanes = kWarpThreads / 2; lanes > 0; lanes /= 2) rows += __shfl_xor_sync(kFullWarp, rows, lanes);
  if (threadIdx.x % kWarpThreads == 0 && rows > 0) {
    atomicAdd(reinterpret_cast<unsigned long long*>(count), static_cast<unsigned long long>(rows));
  }
}

__global__ void __launch_bounds__(kBlockThreads) mask_rows(BoxedMaskParams params, MortonBox box) {
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * kBlockRows;
  const int64_t end = begin + kBlockRows < params.num_rows ? begin + kBlockRows : params.num_rows;
  const int64_t first_item = item_of(params.keys[begin]);
  const bool of_one_item = item_of(params.keys[end - 1]) == first_item;
  int32_t selected = 0, outside = 0;
  for (int64_t row = begin + threadIdx.x; row < end; row += kBlockThreads) {
    const int64_t key = params.keys[row];
    const bool inside = in_box(key_to_code(key), box), boxed = inside && params.mask[row] != 0;
    params.boxed[row] = boxed;
    outside += !inside;
    selected += boxed;
    if (!of_one_item && boxed && item_of(key) < params.batch_size) {
      atomicAdd(reinterpret_cast<unsigned long long*>(params.counts + item_of(key)), 1ull);
    }
  }
  if (of_one_item && first_item < params.batch_size) add_warp(params.counts + first_item, selected);
  add_warp(params.counts + params.batch_size, outside);
}

}  // namespace

Status boxed_mask(const BoxedMaskParams& params, void* stream) {
  const size_t bytes = static_cast<size_t>(params.batch_size + 1) * sizeof(int64_t);
  cudaMemsetAsync(params.counts, 0, bytes, static_cast<cudaStream_t>(stream));
  launch(mask_rows, ceil_div(params.num_rows, kBlockRows), 1, dim3(kBlockThreads), stream, params,
         morton_box(params.low, params.high));
  return last_status();
}

}  // namespace completion::cuda
