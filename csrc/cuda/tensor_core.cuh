// Warp-level pieces of a pipelined tile product: asynchronous copies into shared memory, fragments out of it, and the
// tensor cores' multiply-add. Owns no tile and no loop.
//
// Shapes in bytes, so that one text serves all types: a step is 32 bytes deep (16 half or 8 float elements), a row of a
// fragment 16 bytes. Fragments lie in the lanes as PTX states for mma.m16n8k16 and mma.m16n8k8.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <type_traits>

#include "launch.cuh"
#include "scalar.cuh"
#ifndef __CUDACC__
#include <tensor_core_on_host.h>  // of the tests, which run the kernels without a GPU
#endif

namespace completion::cuda {

constexpr int kPackBytes = 16;              // of one asynchronous copy, of one row of a fragment
constexpr int kLineBytes = 128;             // of a cache
constexpr int kStepBytes = 2 * kPackBytes;  // depth of one multiply-add
constexpr int kFragmentRows = 16;           // of the left operand and the sums
constexpr int kFragmentColumns = 8;         // of the right operand and the sums

#ifdef __CUDACC__

/// The value, in a register from here on: what it was worked out from the compiler cannot see through a shuffle, and so
/// it does not work it out anew in each stage of a loop. By all threads of a warp.
template <class T>
__device__ __forceinline__ T kept(T value) {
  return __shfl_sync(kFullWarp, value, threadIdx.x % kWarpThreads);
}
__device__ __forceinline__ const char* kept(const char* pointer) {
  return reinterpret_cast<const char*>(kept(reinterpret_cast<unsigned long long>(pointer)));
}

/// A place in shared memory as its instructions want it; 32 bits are less work than a pointer.
using SharedAddress = uint32_t;

__device__ __forceinline__ SharedAddress shared_address(const void* shared) {
  return static_cast<SharedAddress>(__cvta_generic_to_shared(shared));
}

/// Begins to copy 16 bytes, or to write 16 zeros where nothing is present. By way of the first-level cache where blocks
/// of a multiprocessor, or offsets that follow one another, ask for the same.
template <bool kByL1>
__device__ __forceinline__ void copy_async(SharedAddress target, const void* global, bool present) {
  const int bytes = present ? kPackBytes : 0;
  if constexpr (kByL1) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(global), "r"(bytes) : "memory");
  } else {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(global), "r"(bytes) : "memory");
  }
}

/// Ends a group of copies.
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// Waits until all but the last kPending groups of this thread have arrived.
template <int kPending>
__device__ __forceinline__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

/// The pointer as a term of its own: a product added to it is one instruction, where the compiler would rather add the
/// pointer's terms one by one.
__device__ __forceinline__ const char* whole(const char* pointer) {
  asm("" : "+l"(pointer));
  return pointer;
}

__device__ __forceinline__ uint32_t load_word(SharedAddress word) {
  uint32_t loaded;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(loaded) : "r"(word) : "memory");
  return loaded;
}

/// Four 8 × 16-byte matrices; lane l gives the address of row l % 8 of matrix l / 8.
__device__ __forceinline__ void load_matrices(SharedAddress row, uint32_t (&fragment)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
               : "r"(row)
               : "memory");
}

/// The same, each matrix of 8 × 8 half elements transposed.
__device__ __forceinline__ void load_matrices_transposed(SharedAddress row, uint32_t (&fragment)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
               : "r"(row)
               : "memory");
}

#define COMPLETION_MULTIPLY_ADD(shape_and_types)                   \
  asm("mma.sync.aligned." shape_and_types                          \
      " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "            \
      "{%0, %1, %2, %3};"                                          \
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3]) \
      : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]))

__device__ __forceinline__ void multiply_add(BFloat16, const uint32_t (&left)[4], const uint32_t (&right)[2],
                                             float (&sums)[4]) {
  COMPLETION_MULTIPLY_ADD("m16n8k16.row.col.f32.bf16.bf16.f32");
}

__device__ __forceinline__ void multiply_add(Float16, const uint32_t (&left)[4], const uint32_t (&right)[2],
                                             float (&sums)[4]) {
  COMPLETION_MULTIPLY_ADD("m16n8k16.row.col.f32.f16.f16.f32");
}

/// float32 elements, rounded to TF32 before.
__device__ __forceinline__ void multiply_add(float, const uint32_t (&left)[4], const uint32_t (&right)[2],
                                             float (&sums)[4]) {
  COMPLETION_MULTIPLY_ADD("m16n8k8.row.col.f32.tf32.tf32.f32");
}

#undef COMPLETION_MULTIPLY_ADD

/// The bits of a float32 rounded to the nearest TF32.
__device__ __forceinline__ uint32_t round_to_tf32(uint32_t bits) {
  uint32_t rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(__uint_as_float(bits)));
  return rounded;
}

#endif

/// float32 features whose products keep float32's accuracy; a plain float stands for products in TF32.
struct FullFloat {
  float value;
};

template <class Scalar>
constexpr bool kInParts = std::is_same_v<Scalar, FullFloat>;

COMPLETION_HD void narrow(float value, FullFloat* narrowed) { narrowed->value = value; }

/// Rounds what fragments of TF32 hold; other types are multiplied as they are, or in parts.
template <class Scalar, int kCount>
__device__ __forceinline__ void round_fragment(uint32_t (&fragment)[kCount]) {
  if constexpr (std::is_same_v<Scalar, float>) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) fragment[i] = round_to_tf32(fragment[i]);
  }
}

/// A float32 as the sum of two TF32 numbers, good to 23 bits down to about 1e-34; the tensor cores drop the bits that
/// TF32 lacks. What is not finite stays in `large`, where a NaN by its 13 lowest bits alone, which no arithmetic makes,
/// counts as infinite; what would round to infinity is cut there. Beside what is not finite `small` may be anything:
/// products with it are dropped.
__device__ __forceinline__ void split(uint32_t bits, uint32_t* large, uint32_t* small) {
  constexpr uint32_t kHalfUnit = 0x1000u, kKept = 0xffffe000u;
  constexpr float kLeastToInfinity = 0x1.ffep127f;
  const float value = bits_float(bits);
  *large = (fabsf(value) < kLeastToInfinity ? bits + kHalfUnit : bits) & kKept;
  *small = float_bits(value - bits_float(*large)) + kHalfUnit;
}

/// sums[i][j] += left[i] · right[j] for all fragments of one step.
template <class Scalar, int kLeft, int kRight>
__device__ __forceinline__ void multiply_fragments(const uint32_t (&left)[kLeft][4], const uint32_t (&right)[kRight][2],
                                                   float (&sums)[kLeft][kRight][4]) {
#pragma unroll
  for (int i = 0; i < kLeft; ++i) {
#pragma unroll
    for (int j = 0; j < kRight; ++j) multiply_add(Scalar{}, left[i], right[j], sums[i][j]);
  }
}

template <int kCount, int kWords>
__device__ __forceinline__ void split_fragments(const uint32_t (&fragments)[kCount][kWords],
                                                uint32_t (&large)[kCount][kWords], uint32_t (&small)[kCount][kWords]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
#pragma unroll
    for (int word = 0; word < kWords; ++word) split(fragments[i][word], &large[i][word], &small[i][word]);
  }
}

/// visit(value, other) for each pair of values.
template <class Visit, int kLeft, int kRight>
__device__ __forceinline__ void visit_sums(float (&values)[kLeft][kRight][4], const Visit& visit,
                                           const float (&others)[kLeft][kRight][4]) {
#pragma unroll
  for (int i = 0; i < kLeft; ++i) {
#pragma unroll
    for (int j = 0; j < kRight; ++j) {
#pragma unroll
      for (int value = 0; value < 4; ++value) visit(values[i][j][value], others[i][j][value]);
    }
  }
}

/// The value, or 0 where it is not finite.
__device__ __forceinline__ float finite_or_zero(float value) { return fabsf(value) < INFINITY ? value : 0.0f; }

/// The same to float32's accuracy: three products of parts; that of both small parts is below the last bit. They are
/// summed apart and added in float32, because the tensor cores round sums toward zero (Ootomo and Yokota 2022,
/// arXiv 2203.03341). One part of all products before the next part of any: neighbours do not wait for each other.
/// Infinity times a small part that is 0 is not a number; the product of the large parts alone then says what it is.
template <int kLeft, int kRight>
__device__ __forceinline__ void multiply_in_parts(const uint32_t (&left)[kLeft][4], const uint32_t (&right)[kRight][2],
                                                  float (&sums)[kLeft][kRight][4]) {
  uint32_t large_left[kLeft][4], small_left[kLeft][4], large_right[kRight][2], small_right[kRight][2];
  split_fragments(left, large_left, small_left);
  split_fragments(right, large_right, small_right);
  float products[kLeft][kRight][4] = {};
  multiply_fragments<float>(small_left, large_right, products);
  multiply_fragments<float>(large_left, small_right, products);
  visit_sums(products, [](float& product, float) { product = finite_or_zero(product); }, sums);
  multiply_fragments<float>(large_left, large_right, products);
  visit_sums(sums, [](float& sum, float product) { sum += product; }, products);
}

template <class Scalar, int kLeft, int kRight>
__device__ __forceinline__ void multiply_step(const uint32_t (&left)[kLeft][4], const uint32_t (&right)[kRight][2],
                                              float (&sums)[kLeft][kRight][4]) {
  if constexpr (kInParts<Scalar>) {
    multiply_in_parts(left, right, sums);
  } else {
    multiply_fragments<Scalar>(left, right, sums);
  }
}

/// Whether rows of so many channels are whole packs at addresses of packs, of a type that is multiplied here.
inline bool in_packs(DType dtype, int64_t channels, const void* rows) {
  const bool aligned = reinterpret_cast<uintptr_t>(rows) % kPackBytes == 0;
  return dtype != DType::float64 && channels * element_bytes(dtype) % kPackBytes == 0 && aligned;
}

/// Calls function(TypeTag<Scalar>{}) for the type that says how features are multiplied.
template <class Function>
void with_product_type(DType dtype, bool allow_tf32, const Function& function) {
  if (dtype == DType::bfloat16) return function(TypeTag<BFloat16>{});
  if (dtype == DType::float16) return function(TypeTag<Float16>{});
  if (allow_tf32) return function(TypeTag<float>{});
  return function(TypeTag<FullFloat>{});
}

}  // namespace completion::cuda
