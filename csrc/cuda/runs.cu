// Kernels of runs.cuh: a head is flagged where a key differs from the one before.
#include "compaction.cuh"
#include "completion/key.h"
#include "runs.cuh"

namespace completion::cuda {

namespace {

struct IsHead {
  const int64_t* keys;
  int64_t bits;

  COMPLETION_HD bool operator()(int64_t item) const { return item == 0 || ((keys[item] ^ keys[item - 1]) & bits) != 0; }
};

struct EmitRun {
  Runs runs;
  RunOutputs outputs;

  COMPLETION_HD void operator()(int64_t item, int32_t heads_before, bool is_head) const {
    const int32_t run = is_head ? heads_before : heads_before - 1;
    const int32_t row = runs.rows == nullptr ? static_cast<int32_t>(item) : runs.rows[item];
    if (is_head) outputs.run_keys[run] = runs.keys[item] & runs.bits;
    if (is_head && outputs.first_row != nullptr) outputs.first_row[run] = row;
    if (outputs.run_of_row != nullptr) outputs.run_of_row[row] = run;
  }
};

}  // namespace

int32_t* take_tiles(int64_t num_keys, Workspace* workspace) { return workspace->take<int32_t>(num_tiles(num_keys)); }

void count_runs(const Runs& runs, int64_t* count, void* stream) {
  count_flagged(IsHead{runs.keys, runs.bits}, runs.num_keys, runs.tiles, 0, count, stream);
}

void emit_runs(const Runs& runs, const RunOutputs& outputs, void* stream) {
  emit_flagged(IsHead{runs.keys, runs.bits}, EmitRun{runs, outputs}, runs.num_keys, runs.tiles, stream);
}

}  // namespace completion::cuda
