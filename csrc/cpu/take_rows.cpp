// take_rows on the CPU: copies whole rows, whatever their element type.
#include "completion/take_rows.h"

#include <algorithm>
#include <cstring>

namespace completion::cpu {

void take_rows(const TakeRowsParams& params, ParallelFor parallel_for) {
  const auto* features = static_cast<const char*>(params.features);
  auto* output = static_cast<char*>(params.output);
  const int64_t grain = std::max<int64_t>(1, 65536 / std::max<int64_t>(params.row_bytes, 1));
  for_ranges(parallel_for, 0, params.num_target, grain, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      const int64_t row = params.rows[m];
      char* target = output + m * params.row_bytes;
      if (row < 0) {
        std::memset(target, 0, params.row_bytes);
      } else {
        std::memcpy(target, features + row * params.row_bytes, params.row_bytes);
      }
    }
  });
}

}  // namespace completion::cpu
