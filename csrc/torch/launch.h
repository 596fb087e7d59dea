// What every binding needs: tensors from sizes, workspaces, the one place that chooses the backend. Owns no operator.
#pragma once

#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

#include "completion/dtype.h"
#include "completion/offsets.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

#ifndef STABLE_TORCH_ERROR_CODE_CHECK  // torch 2.11 has it under an older name
#define STABLE_TORCH_ERROR_CODE_CHECK TORCH_ERROR_CODE_CHECK
#endif

// The kernels of the CUDA backend exist only in a CUDA build; the CUDA keys are registered only there.
#ifdef COMPLETION_CUDA
#define COMPLETION_CUDA_ENTRY(op) ::completion::cuda::op
#define COMPLETION_REGISTER(m)                                                        \
  static void register_kernels(torch::stable::detail::StableLibrary& m);              \
  STABLE_TORCH_LIBRARY_IMPL(completion, CPU, library) { register_kernels(library); }  \
  STABLE_TORCH_LIBRARY_IMPL(completion, CUDA, library) { register_kernels(library); } \
  static void register_kernels(torch::stable::detail::StableLibrary& m)
#else
#define COMPLETION_CUDA_ENTRY(op) nullptr
#define COMPLETION_REGISTER(m) STABLE_TORCH_LIBRARY_IMPL(completion, CPU, m)
#endif

/// Runs the entry point `op` on the device of the tensor `on`; COMPLETION_WORKSPACE asks that backend for its scratch
/// bytes.
#define COMPLETION_RUN(op, on, params) \
  ::completion::binding::run(on, params, ::completion::cpu::op, COMPLETION_CUDA_ENTRY(op))
#define COMPLETION_WORKSPACE(op, on, params)                                            \
  ::completion::binding::workspace(on, params, ::completion::cpu::op##_workspace_bytes, \
                                   COMPLETION_CUDA_ENTRY(op##_workspace_bytes))

extern "C" {
// Weak: a CPU-only torch has no such symbol, and the library must load there too.
__attribute__((weak)) AOTITorchError aoti_torch_get_current_cuda_stream(int32_t device_index, void** ret_stream);
}

namespace completion::binding {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

inline void parallel_for(int64_t begin, int64_t end, int64_t grain, ParallelBody body, void* context) {
  STABLE_TORCH_ERROR_CODE_CHECK(torch_parallel_for(begin, end, grain, body, context));
}

/// Entry points of one parameter struct, as non-deduced types so that nullptr may stand for a missing backend.
template <class Params>
struct Entry {
  using Cpu = void (*)(const Params&, ParallelFor);
  using Cuda = cuda::Status (*)(const Params&, void*);
  using Bytes = int64_t (*)(const Params&);
};

template <class Params>
void run(const Tensor& on, const Params& params, typename Entry<Params>::Cpu on_cpu,
         typename Entry<Params>::Cuda on_cuda) {
  if (!on.is_cuda()) {
    on_cpu(params, parallel_for);
    return;
  }
#ifdef COMPLETION_CUDA
  const torch::stable::accelerator::DeviceGuard guard(on.get_device_index());
  void* stream = nullptr;
  STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(on.get_device_index(), &stream));
  const cuda::Status status = on_cuda(params, stream);
  STD_TORCH_CHECK(status == 0, "completion: CUDA error: ", cuda::status_text(status));
#else
  (void)on_cuda;
  STD_TORCH_CHECK(false, "completion: this library has no CUDA kernels");
#endif
}

/// Strides of a tensor of these sizes in memory order.
inline std::vector<int64_t> strides_in_order(const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size(), 1);
  for (size_t axis = sizes.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * std::max<int64_t>(sizes[axis], 1);
  return strides;
}

/// New uninitialised tensor on the device of `on`. A function of torch's, not its operator, which would be looked up by
/// its name and take its arguments boxed: on a GPU small layers wait for the host.
inline Tensor empty_strided(const Tensor& on, const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides,
                            ScalarType dtype) {
  int32_t device_type = 0;
  STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_get_device_type(on.get(), &device_type));
  const auto code = torch::stable::detail::to<int32_t>(torch::stable::detail::from(dtype));
  AtenTensorHandle tensor = nullptr;
  STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_empty_strided(static_cast<int64_t>(sizes.size()), sizes.data(),
                                                         strides.data(), code, device_type, on.get_device_index(),
                                                         &tensor));
  return Tensor(tensor);
}

inline Tensor empty(const Tensor& on, const std::vector<int64_t>& sizes, ScalarType dtype) {
  return empty_strided(on, sizes, strides_in_order(sizes), dtype);
}

/// Whether the elements fill their memory, in whatever order of the axes.
inline bool is_dense(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides) {
  std::vector<size_t> axes(sizes.size());
  std::iota(axes.begin(), axes.end(), size_t{0});
  std::sort(axes.begin(), axes.end(), [&](size_t a, size_t b) { return strides[a] < strides[b]; });
  int64_t filled = 1;
  for (const size_t axis : axes) {
    if (sizes[axis] == 1) continue;
    if (strides[axis] != filled) return false;
    filled *= sizes[axis];
  }
  return true;
}

/// A copy in a type and layout; by a function of torch's, as empty().
inline Tensor copied(const Tensor& tensor, const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides,
                     ScalarType dtype) {
  Tensor copy = empty_strided(tensor, sizes, strides, dtype);
  STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_copy_(copy.get(), tensor.get(), /*non_blocking=*/0));
  return copy;
}

/// The tensor in a type, its axes in their order where they are dense; itself where it is. In training with half types
/// each product converts its weight.
inline Tensor converted(const Tensor& tensor, ScalarType dtype) {
  if (tensor.scalar_type() == dtype) return tensor;
  const std::vector<int64_t> sizes(tensor.sizes().begin(), tensor.sizes().end());
  const std::vector<int64_t> strides(tensor.strides().begin(), tensor.strides().end());
  return copied(tensor, sizes, is_dense(sizes, strides) ? strides : strides_in_order(sizes), dtype);
}

/// The tensor in memory order; itself where it is.
inline Tensor in_memory_order(const Tensor& tensor) {
  if (tensor.is_contiguous()) return tensor;
  const std::vector<int64_t> sizes(tensor.sizes().begin(), tensor.sizes().end());
  return copied(tensor, sizes, strides_in_order(sizes), tensor.scalar_type());
}

inline std::optional<Tensor> in_memory_order(const std::optional<Tensor>& tensor) {
  return tensor.has_value() ? std::optional<Tensor>(in_memory_order(*tensor)) : std::nullopt;
}

/// Sets params.workspace to a new tensor of the bytes that the backend asks for, where it asks for any; the tensor must
/// outlive the launches.
template <class Params>
std::optional<Tensor> workspace(const Tensor& on, Params& params, typename Entry<Params>::Bytes on_cpu,
                                typename Entry<Params>::Bytes on_cuda) {
  int64_t bytes = 0;
  if (on.is_cuda()) {
    const torch::stable::accelerator::DeviceGuard guard(on.get_device_index());
    bytes = on_cuda(params);
  } else {
    bytes = on_cpu(params);
  }
  if (bytes == 0) return std::nullopt;
  Tensor scratch = empty(on, {bytes}, ScalarType::Byte);
  params.workspace = scratch.mutable_data_ptr();
  params.workspace_bytes = bytes;
  return scratch;
}

/// The counts that a count pass left on its device: the one read by the host. Into pinned memory, which torch keeps for
/// the next read: the driver takes longer to copy into any other.
inline std::vector<int64_t> read_counts(const Tensor& counts) {
  Tensor host = counts;
  if (counts.is_cuda()) {
    const int64_t size = counts.size(0), stride = 1;
    const auto code = torch::stable::detail::to<int32_t>(torch::stable::detail::from(ScalarType::Long));
    AtenTensorHandle pinned = nullptr;
    STABLE_TORCH_ERROR_CODE_CHECK(
        aoti_torch_empty_strided_pinned(1, &size, &stride, code, aoti_torch_device_type_cpu(), 0, &pinned));
    host = Tensor(pinned);
    STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_copy_(pinned, counts.get(), /*non_blocking=*/0));
  }
  const int64_t* values = host.const_data_ptr<int64_t>();
  return std::vector<int64_t>(values, values + counts.size(0));
}

inline KernelOffsets kernel_offsets(const char* function, const std::vector<int64_t>& offsets) {
  STD_TORCH_CHECK(offsets.size() % 3 == 0 && offsets.size() <= 3 * kMaxOffsets, function,
                  ": offsets must be x, y, z of at most ", kMaxOffsets, " offsets, got ", offsets.size(), " numbers");
  KernelOffsets result{};
  result.count = static_cast<int32_t>(offsets.size() / 3);
  for (size_t i = 0; i < offsets.size(); ++i) {
    // Beyond ±70000 every sum is out of range anyway; clamping keeps it so in 32 bits.
    result.xyz[i] = static_cast<int32_t>(std::min<int64_t>(std::max<int64_t>(offsets[i], -70000), 70000));
  }
  return result;
}

inline DType feature_dtype(const char* function, const Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case ScalarType::Float:
      return DType::float32;
    case ScalarType::Double:
      return DType::float64;
    case ScalarType::BFloat16:
      return DType::bfloat16;
    case ScalarType::Half:
      return DType::float16;
    default:
      STD_TORCH_CHECK(false, function, ": features must be float32, float64, bfloat16 or float16");
  }
}

inline bool is_half_type(const Tensor& tensor) {
  return tensor.scalar_type() == ScalarType::Half || tensor.scalar_type() == ScalarType::BFloat16;
}

/// Features as the backend takes them: contiguous, and on the CPU half types widened to float32.
inline Tensor kernel_features(const Tensor& tensor) {
  Tensor dense = in_memory_order(tensor);
  return !tensor.is_cuda() && is_half_type(tensor) ? converted(dense, ScalarType::Float) : dense;
}

}  // namespace completion::binding
