// strided_set: the runs of children with one parent. Where the stride keeps the row order, the parent is the child with
// low bits cleared; for other strides the parents are made and sorted.
#include "completion/key.h"
#include "completion/strided_set.h"
#include "runs.cuh"
#include "sort.cuh"

namespace completion::cuda {

namespace {

struct Layout {
  int64_t* parents;            // [N] parent of each child, in child order; null where the order is kept
  SortedKeys<int64_t> sorted;  // likewise
  int32_t* tiles;
  int64_t bytes;
};

Layout lay_out(const StridedSetParams& params, void* base) {
  Workspace workspace(base);
  Layout layout = {};
  if (!strided_order_kept(params.stride)) {
    layout.parents = workspace.take<int64_t>(params.num_rows);
    layout.sorted = take_sorted_keys<int64_t>(params.num_rows, &workspace);
  }
  layout.tiles = take_tiles(params.num_rows, &workspace);
  layout.bytes = workspace.bytes();
  return layout;
}

/// Key bits of a parent: those of the batch and of coordinates that are multiples of a power of two.
int64_t parent_bits(int32_t stride) {
  const int64_t cell = int64_t{stride} * stride * stride;  // up to 2⁴⁵ codes that follow one another
  return -cell;
}

Runs runs_of(const StridedSetParams& params, const Layout& layout) {
  if (strided_order_kept(params.stride)) {
    return {params.keys, nullptr, params.num_rows, layout.tiles, parent_bits(params.stride[0])};
  }
  return {layout.sorted.keys, layout.sorted.rows, params.num_rows, layout.tiles};
}

/// Largest multiple of step that is not above the value.
COMPLETION_HD int64_t floor_multiple(int64_t value, int64_t step) {
  const int64_t remainder = value % step;
  return value - (remainder < 0 ? remainder + step : remainder);
}

/// Parent of a key; false, and the key itself, where the parent is out of range.
COMPLETION_HD bool parent_key(int64_t key, const int32_t* stride, int64_t* parent) {
  int32_t c[4];
  decode_key(key, c);
  const int64_t x = floor_multiple(c[1], stride[0]);
  const int64_t y = floor_multiple(c[2], stride[1]);
  const int64_t z = floor_multiple(c[3], stride[2]);
  const bool inside = in_range(x, y, z);
  *parent = inside ? encode_key(c[0], static_cast<int32_t>(x), static_cast<int32_t>(y), static_cast<int32_t>(z)) : key;
  return inside;
}

__global__ void __launch_bounds__(kBlockThreads) make_parents(StridedSetParams params, int64_t* parents) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  if (row >= params.num_rows) return;
  const bool inside = parent_key(params.keys[row], params.stride, &parents[row]);
  if (!inside) atomicAdd(reinterpret_cast<unsigned long long*>(params.counts + 1), 1ull);
}

}  // namespace

int64_t strided_set_workspace_bytes(const StridedSetParams& params) { return lay_out(params, nullptr).bytes; }

Status strided_set_count(const StridedSetParams& params, void* stream) {
  const Layout layout = lay_out(params, params.workspace);
  cudaMemsetAsync(params.counts + 1, 0, sizeof(int64_t), static_cast<cudaStream_t>(stream));
  // A power of two divides the range, so that no parent in order is out of it.
  if (!strided_order_kept(params.stride)) {
    launch_items(make_parents, params.num_rows, stream, params, layout.parents);
    const Status status = sort_keys(layout.parents, params.num_rows, layout.sorted, stream);
    if (status != 0) return status;
  }
  count_runs(runs_of(params, layout), params.counts, stream);
  return last_status();
}

Status strided_set_fill(const StridedSetParams& params, void* stream) {
  const Runs runs = runs_of(params, lay_out(params, params.workspace));
  emit_runs(runs, {params.parent_keys, params.parent, nullptr}, stream);
  return last_status();
}

}  // namespace completion::cuda
