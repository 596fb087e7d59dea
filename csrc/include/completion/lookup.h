// lookup: the row of each query key in a canonical set.
#pragma once

#include <cstdint>

#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct LookupParams {
  const int64_t* keys;      // [N] canonical
  const int64_t* queries;   // [M] any order
  int64_t num_rows;         // N < 2³¹
  int64_t num_queries;      // M
  int32_t* rows;            // [M] out: row or −1
  void* workspace;          // scratch
  int64_t workspace_bytes;  // at least lookup_workspace_bytes(params)
};

namespace cpu {
int64_t lookup_workspace_bytes(const LookupParams& params);
void lookup(const LookupParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
int64_t lookup_workspace_bytes(const LookupParams& params);
Status lookup(const LookupParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
