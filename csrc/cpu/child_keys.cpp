// child_keys on the CPU.
#include "completion/child_keys.h"

namespace completion::cpu {

constexpr int64_t kGrainKeys = 8192;

void child_keys(const ChildKeysParams& params, ParallelFor parallel_for) {
  const int64_t grain = kGrainKeys / params.num_children + 1;
  for_ranges(parallel_for, 0, params.num_rows, grain, [&](int64_t begin, int64_t end) {
    int64_t* next = params.child_keys + begin * params.num_children;
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t child = 0; child < params.num_children; ++child) *next++ = params.keys[row] | child * params.step;
    }
  });
}

}  // namespace completion::cpu
