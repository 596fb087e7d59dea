// Kernel offsets of one layer, passed to kernels by value.
#pragma once

#include <cstdint>

namespace completion {

constexpr int32_t kMaxOffsets = 343;  // 7³

struct KernelOffsets {
  int32_t count;                 // K, 1 … kMaxOffsets
  int32_t xyz[kMaxOffsets * 3];  // [K, 3] x, y, z in finest voxels, already scaled by dilation · stride
};

}  // namespace completion
