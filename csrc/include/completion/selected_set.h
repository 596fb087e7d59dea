// selected_set: the members of a set that a mask selects, and the rows of the two sets in each other.
#pragma once

#include <cstdint>

#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct SelectedSetParams {
  const int64_t* keys;      // [N] of the set
  const uint8_t* mask;      // [N] 0 for no; any other byte selects, as torch has it of a bool
  int64_t num_rows;         // N < 2³¹
  int64_t* counts;          // [1] out of count: members that are selected
  void* workspace;          // scratch; what count leaves in it is read by fill
  int64_t workspace_bytes;  // at least selected_set_workspace_bytes(params)
  int64_t num_selected;     // M of fill: what count found, or what the caller says on CUDA
  int64_t* selected_keys;   // [M] out of fill, in the order of keys; null in count
  int32_t* rows;            // [M] out of fill: row in the set of each member selected; null in count
  int32_t* inverse;         // [N] out of fill: the converse, −1 where not selected; null in count
};

namespace cpu {
int64_t selected_set_workspace_bytes(const SelectedSetParams& params);
void selected_set_count(const SelectedSetParams& params, ParallelFor parallel_for);
void selected_set_fill(const SelectedSetParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
int64_t selected_set_workspace_bytes(const SelectedSetParams& params);
Status selected_set_count(const SelectedSetParams& params, void* stream);
/// Any M is safe: of too few the last members are left out, what is too many repeats row 0.
Status selected_set_fill(const SelectedSetParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
