// How CUDA entry points report: a cudaError_t as an integer, 0 = success, from cudaGetLastError() after the launches.
#pragma once

#include <cstdint>

namespace completion::cuda {

using Status = int32_t;

/// Text of a status (cudaGetErrorString); the binding throws with it.
const char* status_text(Status status);

}  // namespace completion::cuda
