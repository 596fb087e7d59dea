// take_rows on the CPU: copies whole rows, whatever their element type.
#include "completion/take_rows.h"

#include <algorithm>
#include <cstring>

namespace completion::cpu {
namespace {

template <int64_t BYTES>
void take_range(const TakeRowsParams& params, int64_t begin, int64_t end) {
  const int64_t bytes = BYTES > 0 ? BYTES : params.row_bytes;
  const auto* features = static_cast<const char*>(params.features);
  auto* target = static_cast<char*>(params.output) + begin * bytes;
  for (int64_t m = begin; m < end; ++m, target += bytes) {
    const int64_t row = params.rows[m];
    if (row < 0) {
      std::memset(target, 0, bytes);
    } else {
      std::memcpy(target, features + row * bytes, bytes);
    }
  }
}

using TakeRange = void (*)(const TakeRowsParams&, int64_t, int64_t);

/// Rows of a length that the compiler knows are copied in place of a library call a row.
TakeRange choose_take(int64_t row_bytes) {
  switch (row_bytes) {
    case 32:
      return take_range<32>;
    case 64:
      return take_range<64>;
    case 128:
      return take_range<128>;
    default:
      return take_range<0>;
  }
}

}  // namespace

void take_rows(const TakeRowsParams& params, ParallelFor parallel_for) {
  const int64_t grain = std::max<int64_t>(1, 65536 / std::max<int64_t>(params.row_bytes, 1));
  const TakeRange take = choose_take(params.row_bytes);
  for_ranges(parallel_for, 0, params.num_target, grain, [&](int64_t begin, int64_t end) { take(params, begin, end); });
}

}  // namespace completion::cpu
