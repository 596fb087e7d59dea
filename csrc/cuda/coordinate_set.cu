// coordinate_set: one stable radix sort of the keys with their rows, then the runs of equal keys.
#include "completion/coordinate_set.h"
#include "runs.cuh"
#include "sort.cuh"

namespace completion::cuda {

namespace {

struct Layout {
  SortedKeys<int64_t> sorted;
  int32_t* tiles;
  int64_t bytes;
};

Layout lay_out(const CoordinateSetParams& params, void* base) {
  Workspace workspace(base);
  Layout layout = {};
  layout.sorted = take_sorted_keys<int64_t>(params.num_rows, &workspace);
  layout.tiles = take_tiles(params.num_rows, &workspace);
  layout.bytes = workspace.bytes();
  return layout;
}

Runs runs_of(const CoordinateSetParams& params, const Layout& layout) {
  return {layout.sorted.keys, layout.sorted.rows, params.num_rows, layout.tiles};
}

}  // namespace

int64_t coordinate_set_workspace_bytes(const CoordinateSetParams& params) { return lay_out(params, nullptr).bytes; }

Status coordinate_set_count(const CoordinateSetParams& params, void* stream) {
  const Layout layout = lay_out(params, params.workspace);
  const Status status = sort_keys(params.keys, params.num_rows, layout.sorted, stream);
  if (status != 0) return status;
  count_runs(runs_of(params, layout), params.counts, stream);
  return last_status();
}

Status coordinate_set_fill(const CoordinateSetParams& params, void* stream) {
  const Runs runs = runs_of(params, lay_out(params, params.workspace));
  emit_runs(runs, {params.voxel_keys, params.rows, params.first}, stream);
  return last_status();
}

}  // namespace completion::cuda
