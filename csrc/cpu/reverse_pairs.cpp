// reverse_pairs on the CPU: a scatter into a table of −1.
#include "completion/reverse_pairs.h"

#include <algorithm>

namespace completion::cpu {

void reverse_pairs(const ReversePairsParams& params, ParallelFor parallel_for) {
  for_ranges(parallel_for, 0, params.num_source * params.num_slots, 65536,
             [&](int64_t begin, int64_t end) { std::fill(params.pairs + begin, params.pairs + end, -1); });
  for_ranges(parallel_for, 0, params.num_target, 2048, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      for (int32_t k = 0; k < params.num_offsets; ++k) {
        const int64_t row = params.table[m * params.num_offsets + k];
        if (row >= 0) params.pairs[row * params.num_slots + params.slots[k]] = pack_pair(static_cast<int32_t>(m), k);
      }
    }
  });
}

}  // namespace completion::cpu
