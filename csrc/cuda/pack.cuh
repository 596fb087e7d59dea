// Neighbouring values that a thread reads or writes at once.
#pragma once

#include <cuda_runtime.h>

namespace completion::cuda {

template <class T, int kCount>
struct alignas(sizeof(T) * kCount) Pack {
  T value[kCount];
};

template <class T, int kCount>
__device__ __forceinline__ Pack<T, kCount> load_pack(const T* values) {
  return *reinterpret_cast<const Pack<T, kCount>*>(values);
}

template <class T, int kCount>
__device__ __forceinline__ void store_pack(T* values, const Pack<T, kCount>& pack) {
  *reinterpret_cast<Pack<T, kCount>*>(values) = pack;
}

}  // namespace completion::cuda
