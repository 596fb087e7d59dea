// Element types of features on the device: half types as bits with conversions to and from their accumulator.
#pragma once

#include <cstdint>
#include <cstring>

#include "completion/dtype.h"
#include "completion/key.h"

namespace completion::cuda {

struct BFloat16 {
  uint16_t bits;
};

struct Float16 {
  uint16_t bits;
};

/// Type in which sums over a scalar are kept.
template <class Scalar>
struct AccumulatorOf {
  using type = float;
};
template <>
struct AccumulatorOf<double> {
  using type = double;
};
template <class Scalar>
using Accumulator = typename AccumulatorOf<Scalar>::type;

COMPLETION_HD uint32_t float_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

COMPLETION_HD float bits_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

COMPLETION_HD float widen(float value) { return value; }
COMPLETION_HD double widen(double value) { return value; }
COMPLETION_HD float widen(BFloat16 value) { return bits_float(static_cast<uint32_t>(value.bits) << 16); }

COMPLETION_HD float widen(Float16 value) {
#ifdef __CUDA_ARCH__
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(value.bits));
  return wide;
#else
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16;
  const uint32_t magnitude = value.bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return bits_float(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  // Placing the bits as a float with the exponent 112 too small and scaling by 2¹¹² also widens subnormal numbers.
  const float scaled = bits_float(magnitude << 13) * bits_float((127u + 112u) << 23);
  return bits_float(float_bits(scaled) | sign);
#endif
}

COMPLETION_HD void narrow(float value, float* narrowed) { *narrowed = value; }
COMPLETION_HD void narrow(double value, double* narrowed) { *narrowed = value; }

/// Nearest bfloat16, ties to even.
COMPLETION_HD void narrow(float value, BFloat16* narrowed) {
#ifdef __CUDA_ARCH__
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(narrowed->bits) : "f"(value));
#else
  const uint32_t bits = float_bits(value);
  const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  narrowed->bits = static_cast<uint16_t>(is_nan ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
#endif
}

/// Nearest float16, ties to even; too large a value becomes infinite.
COMPLETION_HD void narrow(float value, Float16* narrowed) {
#ifdef __CUDA_ARCH__
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(narrowed->bits) : "f"(value));
#else
  const uint32_t bits = float_bits(value);
  const uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t half;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u;
  } else if (magnitude >= 0x477ff000u) {  // 65520 and above round to infinity
    half = 0x7c00u;
  } else if (magnitude >= 0x38800000u) {  // normal: drop 13 bits
    half = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  } else {  // subnormal: adding 0.5 leaves the rounded half's bits at the low end of the sum
    half = float_bits(bits_float(magnitude) + 0.5f) - 0x3f000000u;
  }
  narrowed->bits = static_cast<uint16_t>((bits >> 16 & 0x8000u) | half);
#endif
}

template <class T>
struct TypeTag {
  using type = T;
};

/// Calls function(TypeTag<Scalar>{}) for the element type.
template <class Function>
void with_scalar(DType dtype, const Function& function) {
  switch (dtype) {
    case DType::float32:
      return function(TypeTag<float>{});
    case DType::float64:
      return function(TypeTag<double>{});
    case DType::bfloat16:
      return function(TypeTag<BFloat16>{});
    case DType::float16:
      return function(TypeTag<Float16>{});
  }
}

}  // namespace completion::cuda
