// child_keys: one thread a child.
#include "completion/child_keys.h"
#include "launch.cuh"

namespace completion::cuda {

namespace {

__global__ void __launch_bounds__(kBlockThreads) write_children(ChildKeysParams params) {
  const int64_t item = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  const int64_t last = params.num_children - 1;
  const int64_t row = item >> __popcll(static_cast<unsigned long long>(last));  // K is a power of two
  if (row < params.num_rows) params.child_keys[item] = params.keys[row] | (item & last) * params.step;
}

}  // namespace

Status child_keys(const ChildKeysParams& params, void* stream) {
  launch_items(write_children, params.num_rows * params.num_children, stream, params);
  return last_status();
}

}  // namespace completion::cuda
