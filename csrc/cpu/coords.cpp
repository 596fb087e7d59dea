// encode, decode and inside_box on the CPU.
#include "completion/coords.h"

#include <atomic>

#include "completion/key.h"

namespace completion::cpu {

constexpr int64_t kGrain = 8192;

void encode(const EncodeParams& params, ParallelFor parallel_for) {
  std::atomic<uint32_t> outside{0};
  for_ranges(parallel_for, 0, params.num_rows, kGrain, [&](int64_t begin, int64_t end) {
    uint32_t bits = 0;
    for (int64_t row = begin; row < end; ++row) {
      const int32_t* c = params.coords + 4 * row;
      bits |= bits_out_of_range(c[0], c[1], c[2], c[3]);
      params.keys[row] = encode_key(c[0], c[1], c[2], c[3]);
    }
    outside |= bits;
  });
  *params.outside = outside != 0;
}

void decode(const DecodeParams& params, ParallelFor parallel_for) {
  for_ranges(parallel_for, 0, params.num_rows, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      decode_key(params.keys[row], params.coords + 4 * row);
    }
  });
}

void inside_box(const InsideBoxParams& params, ParallelFor parallel_for) {
  const MortonBox box = morton_box(params.low, params.high);
  for_ranges(parallel_for, 0, params.num_rows, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) params.inside[row] = in_box(key_to_code(params.keys[row]), box);
  });
}

}  // namespace completion::cpu
