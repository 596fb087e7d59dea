// The exponential function in operations that the compiler makes vectors of; the library's is a call for each number.
#pragma once

#include <cstdint>
#include <cstring>

namespace completion::cpu {

template <class T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
  using Bits = int32_t;
  static constexpr float kRound = 12582912;  // 1.5 · 2²³: a sum with it ends in whole numbers
  static constexpr float kHigh = 0.693359375f, kLow = -2.12194440e-4f;  // their sum is log 2, kHigh of few bits
  static constexpr int kTerms = 7, kMantissa = 23, kBias = 127;
};

template <>
struct ExpConstants<double> {
  using Bits = int64_t;
  static constexpr double kRound = 6755399441055744;  // 1.5 · 2⁵²
  static constexpr double kHigh = 0.693145751953125, kLow = 1.42860682030941723212e-6;
  static constexpr int kTerms = 13, kMantissa = 52, kBias = 1023;
};

/// How far from zero exp_of() looks. Further out its products soon are subnormal numbers, which take a hundred times as
/// long, also where the compiler makes them only to choose others.
template <class T>
constexpr T kFarthest = sizeof(T) == 4 ? 60 : 600;

/// eᶻ in two parts; NaN stays. Beyond ±kFarthest it is what it is there.
template <class T>
struct Exp {
  T power, rest;  // 2ⁿ, and 2ⁿ (eʳ − 1) with z = n log 2 + r

  T value() const { return power + rest; }
  T minus_one() const { return power - 1 + rest; }  // to the last digits also about zero
};

template <class T>
__attribute__((always_inline)) inline Exp<T> exp_of(T z) {
  using C = ExpConstants<T>;
  using Bits = typename C::Bits;
  constexpr T magic = C::kRound;
  z = z < -kFarthest<T> ? -kFarthest<T> : z;
  z = z > kFarthest<T> ? kFarthest<T> : z;
  const T rounded = z * T(1.4426950408889634) + magic, n = rounded - magic;
  const T r = z - n * C::kHigh - n * C::kLow;  // at most half of log 2
  T sum = 0;                                   // Taylor's series, (eʳ − 1) / r
  double factorial = 1;
  T coefficients[C::kTerms];
#pragma GCC unroll 16
  for (int i = 0; i < C::kTerms; ++i) coefficients[i] = static_cast<T>(1 / (factorial *= i + 1));
#pragma GCC unroll 16
  for (int i = C::kTerms - 1; i >= 0; --i) sum = sum * r + coefficients[i];
  Bits bits, zero;
  std::memcpy(&bits, &rounded, sizeof(bits));
  std::memcpy(&zero, &magic, sizeof(zero));
  bits = static_cast<Bits>(static_cast<uint64_t>(bits - zero + C::kBias) << C::kMantissa);
  T power;
  std::memcpy(&power, &bits, sizeof(power));
  return {power, power * (r * sum)};
}

}  // namespace completion::cpu
