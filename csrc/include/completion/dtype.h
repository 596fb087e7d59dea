// Element types of features; sums accumulate in float32, for float64 in float64.
#pragma once

#include <cstdint>

namespace completion {

enum class DType : int32_t { float32 = 0, float64 = 1, bfloat16 = 2, float16 = 3 };

/// Bytes of one element.
inline int64_t element_bytes(DType dtype) { return dtype == DType::float64 ? 8 : dtype == DType::float32 ? 4 : 2; }

}  // namespace completion
