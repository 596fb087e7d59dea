// Runs of equal values in ascending keys, or of keys alike in some bits: how many, their keys, and the run of each row.
// Shared by the operators that make a coordinate set.
#pragma once

#include "launch.cuh"

namespace completion::cuda {

struct Runs {
  const int64_t* keys;  // [N] ascending
  const int32_t* rows;  // [N] row that each key belongs to; null when key i belongs to row i
  int64_t num_keys;     // N < 2³¹
  int32_t* tiles;       // of take_tiles: left by count_runs for emit_runs
  int64_t bits = -1;    // bits that are looked at; the others are zero in the key of a run
};

struct RunOutputs {
  int64_t* run_keys;    // [M] key of each run
  int32_t* run_of_row;  // [N] or null
  int32_t* first_row;   // [M] row of the run's first key, or null
};

/// Space for the counts that emit_runs needs.
int32_t* take_tiles(int64_t num_keys, Workspace* workspace);

/// *count = M, the number of runs.
void count_runs(const Runs& runs, int64_t* count, void* stream);

void emit_runs(const Runs& runs, const RunOutputs& outputs, void* stream);

}  // namespace completion::cuda
