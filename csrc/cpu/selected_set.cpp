// selected_set on the CPU: the members selected in each chunk are counted, then each chunk is filled on its own.
#include "completion/selected_set.h"

#include "arena.h"
#include "scan.h"

namespace completion::cpu {
namespace {

/// Members selected before each chunk.
int64_t* starts_in(const SelectedSetParams& params, Arena* arena) {
  return arena->take<int64_t>(num_chunks(params.num_rows) + 1);
}

}  // namespace

int64_t selected_set_workspace_bytes(const SelectedSetParams& params) {
  Arena arena(nullptr);
  starts_in(params, &arena);
  return arena.bytes();
}

void selected_set_count(const SelectedSetParams& params, ParallelFor parallel_for) {
  Arena arena(params.workspace);
  int64_t* const starts = starts_in(params, &arena);
  params.counts[0] =
      count_heads(parallel_for, params.num_rows, starts, [&](int64_t row) { return params.mask[row] != 0; });
}

void selected_set_fill(const SelectedSetParams& params, ParallelFor parallel_for) {
  Arena arena(params.workspace);
  const int64_t* const starts = starts_in(params, &arena);
  for_chunks(parallel_for, params.num_rows, [&](int64_t chunk, int64_t begin, int64_t end) {
    int64_t next = starts[chunk];
    for (int64_t row = begin; row < end; ++row) {
      const bool selected = params.mask[row] != 0;
      params.inverse[row] = selected ? static_cast<int32_t>(next) : -1;
      if (!selected) continue;
      params.selected_keys[next] = params.keys[row];
      params.rows[next++] = static_cast<int32_t>(row);
    }
  });
}

}  // namespace completion::cpu
