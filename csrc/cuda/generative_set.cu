// generative_set: every parent plus every offset, sorted, then the runs of equal keys.
#include "completion/generative_set.h"
#include "completion/key.h"
#include "runs.cuh"
#include "sort.cuh"

namespace completion::cuda {

namespace {

constexpr int kRowsPerBlock = 64;

struct Layout {
  int64_t* children;  // [N · K] parent-major
  SortedKeys sorted;
  int32_t* tiles;
  int64_t bytes;
};

int64_t num_pairs(const GenerativeSetParams& params) { return params.num_rows * params.offsets.count; }

Layout lay_out(const GenerativeSetParams& params, void* base) {
  Workspace workspace(base);
  Layout layout = {};
  layout.children = workspace.take<int64_t>(num_pairs(params));
  layout.sorted = take_sorted_keys(num_pairs(params), &workspace);
  layout.tiles = take_tiles(num_pairs(params), &workspace);
  layout.bytes = workspace.bytes();
  return layout;
}

Runs runs_of(const GenerativeSetParams& params, const Layout& layout) {
  return {layout.sorted.keys, nullptr, num_pairs(params), layout.tiles};
}

__global__ void __launch_bounds__(kBlockThreads) make_children(GenerativeSetParams params, int64_t* children) {
  __shared__ MortonOffset offsets[kMaxOffsets];
  const int num_offsets = params.offsets.count;
  for (int k = threadIdx.x; k < num_offsets; k += kBlockThreads) {
    const int32_t* const xyz = params.offsets.xyz + 3 * k;
    offsets[k] = morton_offset(xyz[0], xyz[1], xyz[2]);
  }
  __syncthreads();
  const int64_t first_row = static_cast<int64_t>(blockIdx.x) * kRowsPerBlock;
  for (int pair = threadIdx.x; pair < kRowsPerBlock * num_offsets; pair += kBlockThreads) {
    const int64_t row = first_row + pair / num_offsets;
    if (row >= params.num_rows) break;
    const uint64_t parent = key_to_code(params.keys[row]);
    uint64_t child;
    const bool inside = add_offset(parent, offsets[pair % num_offsets], &child);
    if (!inside) atomicAdd(reinterpret_cast<unsigned long long*>(params.counts + 1), 1ull);
    children[first_row * num_offsets + pair] = code_to_key(inside ? child : parent);
  }
}

}  // namespace

int64_t generative_set_workspace_bytes(const GenerativeSetParams& params) { return lay_out(params, nullptr).bytes; }

Status generative_set_count(const GenerativeSetParams& params, void* stream) {
  const Layout layout = lay_out(params, params.workspace);
  cudaMemsetAsync(params.counts + 1, 0, sizeof(int64_t), static_cast<cudaStream_t>(stream));
  launch(make_children, ceil_div(params.num_rows, kRowsPerBlock), 1, dim3(kBlockThreads), stream, params,
         layout.children);
  const Status status = sort_keys(layout.children, num_pairs(params), layout.sorted, stream);
  if (status != 0) return status;
  count_runs(runs_of(params, layout), params.counts, stream);
  return last_status();
}

Status generative_set_fill(const GenerativeSetParams& params, void* stream) {
  const Runs runs = runs_of(params, lay_out(params, params.workspace));
  emit_runs(runs, {params.child_keys, nullptr, nullptr}, stream);
  return last_status();
}

}  // namespace completion::cuda
