// encode, decode and inside_box: one thread a row.
#include "completion/coords.h"
#include "completion/key.h"
#include "launch.cuh"

namespace completion::cuda {

namespace {

__global__ void __launch_bounds__(kBlockThreads) encode_rows(EncodeParams params) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  if (row >= params.num_rows) return;
  const int32_t* const c = params.coords + 4 * row;
  params.keys[row] = encode_key(c[0], c[1], c[2], c[3]);
}

__global__ void __launch_bounds__(kBlockThreads) decode_rows(DecodeParams params) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  if (row < params.num_rows) decode_key(params.keys[row], params.coords + 4 * row);
}

__global__ void __launch_bounds__(kBlockThreads) test_rows(InsideBoxParams params, MortonBox box) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  if (row < params.num_rows) params.inside[row] = in_box(key_to_code(params.keys[row]), box);
}

}  // namespace

Status encode(const EncodeParams& params, void* stream) {
  launch_items(encode_rows, params.num_rows, stream, params);
  return last_status();
}

Status decode(const DecodeParams& params, void* stream) {
  launch_items(decode_rows, params.num_rows, stream, params);
  return last_status();
}

Status inside_box(const InsideBoxParams& params, void* stream) {
  launch_items(test_rows, params.num_rows, stream, params, morton_box(params.low, params.high));
  return last_status();
}

}  // namespace completion::cuda
