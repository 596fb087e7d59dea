// add_rows: sums of rows of two feature matrices by index; an index of −1 stands for a row of zeros.
#pragma once

#include <cstdint>

#include "completion/dtype.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct AddRowsParams {
  const void* first;           // [N1, C] dtype
  const int32_t* first_rows;   // [M] row of first or −1
  const void* second;          // [N2, C] dtype
  const int32_t* second_rows;  // [M] row of second or −1
  void* output;                // [M, C] dtype
  int64_t num_target;          // M
  int64_t channels;            // C
  DType dtype;                 // not float16 on the CPU
};

namespace cpu {
void add_rows(const AddRowsParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
Status add_rows(const AddRowsParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
