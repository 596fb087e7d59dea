// child_keys: the keys of all children that fill the cells of their parents, parent by parent.
#pragma once

#include <cstdint>

#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct ChildKeysParams {
  const int64_t* keys;   // [N]
  int64_t num_rows;      // N; N · K < 2³¹
  int64_t num_children;  // K of each parent, a power of two
  int64_t step;          // from child to child, a power of two; the bits of a key below K · step are 0
  int64_t* child_keys;   // [N · K] out
};

namespace cpu {
void child_keys(const ChildKeysParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
Status child_keys(const ChildKeysParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
