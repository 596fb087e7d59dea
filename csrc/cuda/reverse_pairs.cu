// reverse_pairs: a scatter into a table of −1.
#include "completion/reverse_pairs.h"
#include "launch.cuh"

namespace completion::cuda {

namespace {

constexpr int kEntries = 4;  // of a thread, whose loads do not wait for each other

__global__ void __launch_bounds__(kBlockThreads) scatter_pairs(ReversePairsParams params) {
  const int64_t count = params.num_target * params.num_offsets;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kBlockThreads * kEntries + threadIdx.x;
  int32_t sources[kEntries];
#pragma unroll
  for (int i = 0; i < kEntries; ++i) {
    const int64_t entry = first + i * kBlockThreads;
    sources[i] = entry < count ? params.table[entry] : -1;
  }
#pragma unroll
  for (int i = 0; i < kEntries; ++i) {
    if (sources[i] < 0) continue;
    const uint32_t entry = static_cast<uint32_t>(first + i * kBlockThreads);  // below 2³¹, and divides faster so
    const uint32_t target = entry / params.num_offsets;
    const int32_t k = static_cast<int32_t>(entry - target * params.num_offsets);
    params.pairs[static_cast<int64_t>(sources[i]) * params.num_slots + params.slots[k]] =
        pack_pair(static_cast<int32_t>(target), k);
  }
}

}  // namespace

Status reverse_pairs(const ReversePairsParams& params, void* stream) {
  const int64_t bytes = params.num_source * params.num_slots * static_cast<int64_t>(sizeof(int32_t));
  if (bytes > 0) cudaMemsetAsync(params.pairs, 0xff, bytes, static_cast<cudaStream_t>(stream));  // all bits set = −1
  launch(scatter_pairs, ceil_div(params.num_target * params.num_offsets, kBlockThreads * kEntries), 1,
         dim3(kBlockThreads), stream, params);
  return last_status();
}

}  // namespace completion::cuda
