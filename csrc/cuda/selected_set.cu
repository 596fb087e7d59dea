// selected_set: one compaction of the rows by their mask.
#include "compaction.cuh"
#include "completion/key.h"
#include "completion/selected_set.h"

namespace completion::cuda {

namespace {

/// Members selected before each tile.
int32_t* tiles_in(const SelectedSetParams& params, Workspace* workspace) {
  return workspace->take<int32_t>(num_tiles(params.num_rows));
}

struct IsSelected {
  const uint8_t* mask;

  COMPLETION_HD bool operator()(int64_t row) const { return mask[row] != 0; }
};

struct EmitSelected {
  SelectedSetParams params;

  COMPLETION_HD void operator()(int64_t row, int32_t before, bool selected) const {
    const bool has_place = selected && before < params.num_selected;
    params.inverse[row] = has_place ? before : -1;
    if (has_place) write(before, row);
    if (row + 1 < params.num_rows) return;
    for (int64_t place = before + (selected ? 1 : 0); place < params.num_selected; ++place) write(place, 0);
  }

  COMPLETION_HD void write(int64_t place, int64_t row) const {
    params.selected_keys[place] = params.keys[row];
    params.rows[place] = static_cast<int32_t>(row);
  }
};

}  // namespace

int64_t selected_set_workspace_bytes(const SelectedSetParams& params) {
  Workspace workspace(nullptr);
  tiles_in(params, &workspace);
  return workspace.bytes();
}

Status selected_set_count(const SelectedSetParams& params, void* stream) {
  Workspace workspace(params.workspace);
  count_flagged(IsSelected{params.mask}, params.num_rows, tiles_in(params, &workspace), 0, params.counts, stream);
  return last_status();
}

Status selected_set_fill(const SelectedSetParams& params, void* stream) {
  Workspace workspace(params.workspace);
  emit_flagged(IsSelected{params.mask}, EmitSelected{params}, params.num_rows, tiles_in(params, &workspace), stream);
  return last_status();
}

}  // namespace completion::cuda
