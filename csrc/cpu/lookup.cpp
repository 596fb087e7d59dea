// lookup on the CPU: bisection that starts at the previous answer, because queries mostly come in ascending order.
#include "completion/lookup.h"

#include <algorithm>

namespace completion::cpu {
namespace {

constexpr int64_t kGrain = 2048;

/// First row in [hint, N) with keys[row] >= query, by doubling steps and then bisection.
int64_t gallop(const int64_t* keys, int64_t num_rows, int64_t hint, int64_t query) {
  int64_t step = 1, low = hint, high = hint;
  while (high < num_rows && keys[high] < query) {
    low = high + 1;
    high += step;
    step *= 2;
  }
  return std::lower_bound(keys + low, keys + std::min(high, num_rows), query) - keys;
}

}  // namespace

int64_t lookup_workspace_bytes(const LookupParams&) { return 0; }

void lookup(const LookupParams& params, ParallelFor parallel_for) {
  for_ranges(parallel_for, 0, params.num_queries, kGrain, [&](int64_t begin, int64_t end) {
    int64_t row = 0;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t query = params.queries[i];
      if (i == begin || query < params.queries[i - 1]) row = 0;
      row = gallop(params.keys, params.num_rows, row, query);
      const bool found = row < params.num_rows && params.keys[row] == query;
      params.rows[i] = found ? static_cast<int32_t>(row) : -1;
    }
  });
}

}  // namespace completion::cpu
