// The part of CUDA that csrc/cuda uses, on the host, so that g++ and its sanitizers can run the kernels without a GPU:
// one fiber for each thread of a block, one block at a time. Says nothing about speed or about a GPU's memory model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)
#define __grid_constant__

template <class T>
T min(T a, T b) {
  return b < a ? b : a;
}

using cudaError_t = int;
using cudaStream_t = void*;

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
};

extern dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_on_host {

/// Whether the highest block and thread run first.
extern bool backward;

/// Of the pretended GPU.
extern int multiprocessors;
extern int architecture;

/// Runs body(kernel) for every thread of every block, one block at a time, each with fresh dynamic shared memory.
void run_grid(dim3 grid, dim3 size, size_t shared_bytes, void (*body)(const void*), const void* kernel);

/// Dynamic shared memory of the running block.
void* shared_memory();

/// Barriers of the block and of the calling thread's warp.
void wait_for_block();
unsigned ballot(bool vote);

/// Every lane's bytes, lane after lane in `all`: what shuffles and warp-wide instructions are made of.
void exchange(const void* own, size_t bytes, void* all);

}  // namespace cuda_on_host

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  const auto call = [&] { kernel(arguments...); };
  const auto body = [](const void* target) { (*static_cast<const decltype(call)*>(target))(); };
  cuda_on_host::run_grid(config->gridDim, config->blockDim, config->dynamicSmemBytes, body, &call);
  return 0;
}

template <class T>
T& dynamic_shared() {
  return *static_cast<T*>(cuda_on_host::shared_memory());
}

enum { cudaFuncAttributeMaxDynamicSharedMemorySize };
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount, cudaDevAttrComputeCapabilityMajor };
inline cudaError_t cudaGetDevice(int* device) { return *device = 0; }
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  const bool count = attribute == cudaDevAttrMultiProcessorCount;
  *value = count ? cuda_on_host::multiprocessors : cuda_on_host::architecture;
  return 0;
}
inline cudaError_t cudaFuncSetAttribute(const void*, int, int) { return 0; }

inline void __syncthreads() { cuda_on_host::wait_for_block(); }
inline unsigned __ballot_sync(unsigned, bool vote) { return cuda_on_host::ballot(vote); }
inline void __syncwarp() { cuda_on_host::ballot(false); }
inline unsigned __reduce_or_sync(unsigned, unsigned bits) {
  unsigned all[32] = {}, any = 0;
  cuda_on_host::exchange(&bits, sizeof(bits), all);
  for (const unsigned one : all) any |= one;
  return any;
}
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline int __ffsll(long long bits) { return __builtin_ffsll(bits); }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __popcll(unsigned long long bits) { return __builtin_popcountll(bits); }

template <class T>
T __shfl_sync(unsigned, T value, int lane) {
  T all[32];
  cuda_on_host::exchange(&value, sizeof(T), all);
  return all[lane];
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, int lanes) {
  const int lane = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x) % 32;
  return __shfl_sync(mask, value, lane + lanes < 32 ? lane + lanes : lane);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes) {
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
  return __shfl_sync(mask, value, static_cast<int>(thread % 32) ^ lanes);
}

template <class T>
T atomicAdd(T* target, T value) {
  *target += value;
  return *target - value;
}

template <class T>
T atomicOr(T* target, T bits) {
  const T before = *target;
  *target |= bits;
  return before;
}

template <class T>
T atomicCAS(T* target, T expected, T value) {
  const T before = *target;
  if (before == expected) *target = value;
  return before;
}

inline cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t) {
  memset(target, value, bytes);
  return 0;
}
inline cudaError_t cudaGetLastError() { return 0; }
inline const char* cudaGetErrorString(cudaError_t) { return "no error"; }
