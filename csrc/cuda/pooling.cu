// pool_sum, pool_max and pool_max_grad: one thread an output element, in the order of the offsets.
#include "completion/pooling.h"
#include "launch.cuh"
#include "scalar.cuh"

namespace completion::cuda {

namespace {

template <class Scalar>
__global__ void __launch_bounds__(kBlockThreads) sum_rows(PoolSumParams params) {
  const int64_t target = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (target >= params.num_target) return;
  const Scalar* const features = static_cast<const Scalar*>(params.features);
  const int32_t* const rows = params.table + target * params.num_offsets;
  for (int64_t c = threadIdx.x; c < params.channels; c += blockDim.x) {
    Accumulator<Scalar> sum = 0;
    for (int k = 0; k < params.num_offsets; ++k) {
      const int64_t row = rows[k];
      if (row >= 0) sum += widen(features[row * params.channels + c]);
    }
    narrow(sum, static_cast<Scalar*>(params.output) + target * params.channels + c);
  }
}

template <class Scalar>
__global__ void __launch_bounds__(kBlockThreads) max_rows(PoolMaxParams params) {
  const int64_t target = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (target >= params.num_target) return;
  const Scalar* const features = static_cast<const Scalar*>(params.features);
  const int32_t* const rows = params.table + target * params.num_offsets;
  for (int64_t c = threadIdx.x; c < params.channels; c += blockDim.x) {
    Accumulator<Scalar> best = 0;
    int32_t arg = -1;
    for (int k = 0; k < params.num_offsets; ++k) {
      if (rows[k] < 0) continue;
      const Accumulator<Scalar> value = widen(features[rows[k] * params.channels + c]);
      const bool first_nan = value != value && best == best;
      if (arg >= 0 && !(value > best) && !first_nan) continue;
      best = value;
      arg = rows[k];
    }
    narrow(best, static_cast<Scalar*>(params.output) + target * params.channels + c);
    params.arg[target * params.channels + c] = arg;
  }
}

template <class Scalar>
__global__ void __launch_bounds__(kBlockThreads) max_rows_grad(PoolMaxGradParams params) {
  const int64_t source = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (source >= params.num_source) return;
  const Scalar* const grad = static_cast<const Scalar*>(params.grad);
  const int32_t* const targets = params.reverse + source * params.num_offsets;
  for (int64_t c = threadIdx.x; c < params.channels; c += blockDim.x) {
    Accumulator<Scalar> sum = 0;
    for (int k = 0; k < params.num_offsets; ++k) {
      const int64_t entry = targets[k] * params.channels + c;
      if (targets[k] >= 0 && params.arg[entry] == source) sum += widen(grad[entry]);
    }
    narrow(sum, static_cast<Scalar*>(params.grad_features) + source * params.channels + c);
  }
}

}  // namespace

Status pool_sum(const PoolSumParams& params, void* stream) {
  with_scalar(params.dtype, [&](auto tag) {
    using Scalar = typename decltype(tag)::type;
    launch_rows(sum_rows<Scalar>, params.num_target, params.channels, stream, params);
  });
  return last_status();
}

Status pool_max(const PoolMaxParams& params, void* stream) {
  with_scalar(params.dtype, [&](auto tag) {
    using Scalar = typename decltype(tag)::type;
    launch_rows(max_rows<Scalar>, params.num_target, params.channels, stream, params);
  });
  return last_status();
}

Status pool_max_grad(const PoolMaxGradParams& params, void* stream) {
  with_scalar(params.dtype, [&](auto tag) {
    using Scalar = typename decltype(tag)::type;
    launch_rows(max_rows_grad<Scalar>, params.num_source, params.channels, stream, params);
  });
  return last_status();
}

}  // namespace completion::cuda
