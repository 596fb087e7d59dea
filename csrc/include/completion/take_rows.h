// take_rows: rows of a feature matrix by index, zero where the index is −1.
#pragma once

#include <cstdint>

#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct TakeRowsParams {
  const void* features;   // [N, C] of any element type
  const int32_t* rows;    // [M] feature row or −1
  void* output;           // [M, C] the same element type
  int64_t num_source;     // N
  int64_t num_target;     // M
  int64_t row_bytes;      // C · bytes of an element
  int64_t element_bytes;  // 2, 4 or 8
};

namespace cpu {
void take_rows(const TakeRowsParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
Status take_rows(const TakeRowsParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
