// add_rows: one thread an output element.
#include "completion/add_rows.h"
#include "launch.cuh"
#include "scalar.cuh"

namespace completion::cuda {

namespace {

template <class Scalar>
__global__ void __launch_bounds__(kBlockThreads) sum_two_rows(AddRowsParams params) {
  const int64_t target = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (target >= params.num_target) return;
  const Scalar* const first = static_cast<const Scalar*>(params.first);
  const Scalar* const second = static_cast<const Scalar*>(params.second);
  const int64_t first_row = params.first_rows[target], second_row = params.second_rows[target];
  for (int64_t c = threadIdx.x; c < params.channels; c += blockDim.x) {
    const Accumulator<Scalar> a = first_row < 0 ? 0 : widen(first[first_row * params.channels + c]);
    const Accumulator<Scalar> b = second_row < 0 ? 0 : widen(second[second_row * params.channels + c]);
    narrow(a + b, static_cast<Scalar*>(params.output) + target * params.channels + c);
  }
}

}  // namespace

Status add_rows(const AddRowsParams& params, void* stream) {
  with_scalar(params.dtype, [&](auto tag) {
    using Scalar = typename decltype(tag)::type;
    launch_rows(sum_two_rows<Scalar>, params.num_target, params.channels, stream, params);
  });
  return last_status();
}

}  // namespace completion::cuda
