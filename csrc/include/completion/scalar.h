// Element types of features that need conversions, to and from what their sums are kept in; for host and device.
#pragma once

#include <cstdint>
#include <cstring>

#include "completion/key.h"

namespace completion {

struct BFloat16 {
  uint16_t bits;
};

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

COMPLETION_HD void narrow(float value, float* narrowed) { *narrowed = value; }
COMPLETION_HD void narrow(double value, double* narrowed) { *narrowed = value; }

/// Nearest bfloat16, ties to even.
COMPLETION_HD void narrow(float value, BFloat16* narrowed) {
  const uint32_t bits = float_bits(value);
  const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  narrowed->bits = static_cast<uint16_t>(is_nan ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

}  // namespace completion
