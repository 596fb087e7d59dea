// take_rows on the CPU: copies whole rows, whatever their element type.
#include "completion/take_rows.h"

#include <algorithm>
#include <cstring>

namespace completion::cpu {
namespace {

constexpr int64_t kRowsAhead = 32;  // where rows lie anywhere, memory takes longer than a copy
constexpr int64_t kLongRow = 256;   // bytes; longer than what the processor fetches by itself
constexpr int64_t kSample = 256;    // rows that tell how the others lie

/// Rows of BYTES bytes, or of any length with 0; `fetch`: they are asked for ahead.
template <int64_t BYTES>
void take_range(const TakeRowsParams& params, int64_t begin, int64_t end, bool fetch) {
  const int64_t bytes = BYTES > 0 ? BYTES : params.row_bytes;
  const auto* const features = static_cast<const char*>(params.features);
  auto* target = static_cast<char*>(params.output) + begin * bytes;
  for (int64_t m = begin; m < end; ++m, target += bytes) {
    if (fetch) {
      const char* const ahead = features + std::max(params.rows[std::min(m + kRowsAhead, end - 1)], 0) * bytes;
      for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(ahead + i);
    }
    const int64_t row = params.rows[m];
    if (row < 0) {
      std::memset(target, 0, bytes);
    } else {
      std::memcpy(target, features + row * bytes, bytes);
    }
  }
}

using TakeRange = void (*)(const TakeRowsParams&, int64_t, int64_t, bool);

/// Rows of a length that the compiler knows are copied in place of a library call a row.
TakeRange choose_take(int64_t row_bytes) {
  switch (row_bytes) {
    case 32:
      return take_range<32>;
    case 64:
      return take_range<64>;
    case 128:
      return take_range<128>;
    case 256:
      return take_range<256>;
    default:
      return take_range<0>;
  }
}

/// Whether asking for rows ahead gains anything: short ones in ascending order, as of a pruning, come by themselves.
bool is_worth_fetching(const TakeRowsParams& params) {
  const int32_t* const end = params.rows + std::min(params.num_target, kSample);
  int32_t largest = -1;
  for (const int32_t* row = params.rows; row < end; ++row) {
    if (*row >= 0 && *row < largest) return true;
    largest = std::max(largest, *row);
  }
  return params.row_bytes >= kLongRow;
}

}  // namespace

void take_rows(const TakeRowsParams& params, ParallelFor parallel_for) {
  if (params.row_bytes == 0) return;
  const int64_t grain = std::max<int64_t>(1, 65536 / params.row_bytes);
  const TakeRange take = choose_take(params.row_bytes);
  const bool fetch = is_worth_fetching(params);
  for_ranges(parallel_for, 0, params.num_target, grain,
             [&](int64_t begin, int64_t end) { take(params, begin, end, fetch); });
}

}  // namespace completion::cpu
