// lookup: bisection by one thread a query; neighbouring queries of an ordered set walk the same path.
#include "completion/lookup.h"
#include "launch.cuh"
#include "search.cuh"

namespace completion::cuda {

namespace {

__global__ void __launch_bounds__(kBlockThreads) look_up(LookupParams params) {
  const int64_t query = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  if (query >= params.num_queries) return;
  params.rows[query] = find_row(params.keys, static_cast<int32_t>(params.num_rows), params.queries[query]);
}

}  // namespace

int64_t lookup_workspace_bytes(const LookupParams&) { return 0; }

Status lookup(const LookupParams& params, void* stream) {
  launch_items(look_up, params.num_queries, stream, params);
  return last_status();
}

}  // namespace completion::cuda
