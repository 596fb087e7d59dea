// Neighbouring values that a thread reads or writes at once.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "completion/dtype.h"
#include "scalar.cuh"

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

/// A pack of what has one number for each column, at an address where sixteen bytes can be read.
template <class T, int kCount>
__device__ __forceinline__ Pack<T, kCount> load_columns(const void* values, int64_t column) {
  constexpr int kPiece = 16 / sizeof(T) < kCount ? 16 / sizeof(T) : kCount;
  Pack<T, kCount> pack;
#pragma unroll
  for (int begin = 0; begin < kCount; begin += kPiece) {
    const auto piece = load_pack<T, kPiece>(static_cast<const T*>(values) + column + begin);
#pragma unroll
    for (int i = 0; i < kPiece; ++i) pack.value[begin + i] = piece.value[i];
  }
  return pack;
}

/// Calls function(TypeTag<Scalar>{}, std::integral_constant<int, kPack>{}) with packs of 16 bytes where rows and
/// addresses allow them, else with single columns.
template <class Function>
void with_packs(DType dtype, int64_t channels, std::initializer_list<const void*> arrays, const Function& function) {
  uint64_t alignment = static_cast<uint64_t>(channels * element_bytes(dtype));
  for (const void* array : arrays) alignment |= reinterpret_cast<uint64_t>(array);
  with_scalar(dtype, [&](auto tag) {
    constexpr int kPack = 16 / sizeof(typename decltype(tag)::type);
    if (alignment % 16 == 0) {
      function(tag, std::integral_constant<int, kPack>{});
    } else {
      function(tag, std::integral_constant<int, 1>{});
    }
  });
}

}  // namespace completion::cuda
