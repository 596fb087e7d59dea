// encode and decode on the CPU.
#include "completion/coords.h"

#include "completion/key.h"

namespace completion::cpu {

constexpr int64_t kGrain = 8192;

void encode(const EncodeParams& params, ParallelFor parallel_for) {
  for_ranges(parallel_for, 0, params.num_rows, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int32_t* coordinate = params.coords + 4 * row;
      params.keys[row] = encode_key(coordinate[0], coordinate[1], coordinate[2], coordinate[3]);
    }
  });
}

void decode(const DecodeParams& params, ParallelFor parallel_for) {
  for_ranges(parallel_for, 0, params.num_rows, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      decode_key(params.keys[row], params.coords + 4 * row);
    }
  });
}

}  // namespace completion::cpu
