// Launching a kernel on the caller's stream and carving a workspace into arrays; owns no kernels and no memory.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "completion/status.h"

namespace completion::cuda {

constexpr int kBlockThreads = 256;
constexpr int kWarpThreads = 32;
constexpr int kBlockWarps = kBlockThreads / kWarpThreads;
constexpr unsigned kFullWarp = 0xffffffffu;

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Shared memory of a launch, and the most of any launch of that kernel.
struct SharedBytes {
  size_t count, most;
};

/// launch() with shared memory of a size beyond what a kernel may declare; dynamic_shared() finds it. The most is what
/// the kernel is allowed, so that threads that launch it with different sizes do not take it from each other.
template <class... Parameters, class... Arguments>
void launch_shared(void (*kernel)(Parameters...), int64_t blocks_x, int64_t blocks_y, dim3 block, SharedBytes shared,
                   void* stream, Arguments... arguments) {
  if (blocks_x == 0 || blocks_y == 0) return;
  if (shared.most > 0) {
    cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                         static_cast<int>(shared.most));
  }
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(blocks_x), static_cast<unsigned>(blocks_y), 1);
  config.blockDim = block;
  config.dynamicSmemBytes = shared.count;
  config.stream = static_cast<cudaStream_t>(stream);
  cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

/// Starts kernel(arguments...) on the stream; an empty grid starts nothing. Errors stay for last_status().
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), int64_t blocks_x, int64_t blocks_y, dim3 block, void* stream,
            Arguments... arguments) {
  launch_shared(kernel, blocks_x, blocks_y, block, {}, stream, arguments...);
}

/// One thread for each of num_items.
template <class... Parameters, class... Arguments>
void launch_items(void (*kernel)(Parameters...), int64_t num_items, void* stream, Arguments... arguments) {
  launch(kernel, ceil_div(num_items, kBlockThreads), 1, dim3(kBlockThreads), stream, arguments...);
}

/// Blocks of several rows: threadIdx.x walks along a row, threadIdx.y counts rows.
template <class... Parameters, class... Arguments>
void launch_rows(void (*kernel)(Parameters...), int64_t num_rows, int64_t row_width, void* stream,
                 Arguments... arguments) {
  unsigned width = 1;
  while (width < row_width && width < kWarpThreads) width *= 2;
  const unsigned height = kBlockThreads / width;
  launch(kernel, ceil_div(num_rows, height), 1, dim3(width, height), stream, arguments...);
}

/// Of the current device.
inline int device_attribute(cudaDeviceAttr attribute) {
  int device = 0, value = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&value, attribute, device);
  return value;
}

inline int64_t num_multiprocessors() { return device_attribute(cudaDevAttrMultiProcessorCount); }

/// Number of this thread in its block, whatever the block's shape.
__device__ __forceinline__ int block_thread() { return static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x); }

#ifdef __CUDACC__
/// The block's shared memory of launch_shared().
template <class T>
__device__ __forceinline__ T& dynamic_shared() {
  extern __shared__ __align__(1024) char completion_dynamic_shared[];
  static_assert(alignof(T) <= 1024, "it begins at eight lines");
  return *reinterpret_cast<T*>(completion_dynamic_shared);
}
#endif

inline Status last_status() { return static_cast<Status>(cudaGetLastError()); }

/// Hands out arrays of one allocation in order. With a null base it only counts, so that one function states the layout
/// for both the size and the use.
class Workspace {
 public:
  explicit Workspace(void* base) : base_(static_cast<char*>(base)) {}

  template <class T>
  T* take(int64_t count) {
    T* const array = base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + bytes_);
    bytes_ += ceil_div(count * static_cast<int64_t>(sizeof(T)), kAlignment) * kAlignment;
    return array;
  }

  int64_t bytes() const { return bytes_; }

 private:
  static constexpr int64_t kAlignment = 256;
  char* base_;
  int64_t bytes_ = 0;
};

}  // namespace completion::cuda
