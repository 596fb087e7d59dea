// Text of the status that every CUDA entry point returns.
#include <cuda_runtime.h>

#include "completion/status.h"

namespace completion::cuda {

const char* status_text(Status status) { return cudaGetErrorString(static_cast<cudaError_t>(status)); }

}  // namespace completion::cuda
