// encode and decode: coordinates [N, 4] to packed keys [N] and back. inside_box: which keys lie in a box.
#pragma once

#include <cstdint>

#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct EncodeParams {
  const int32_t* coords;  // [N, 4] batch, x, y, z in finest voxels; on CUDA in range (checked by the caller)
  int64_t* keys;          // [N] out
  int64_t num_rows;       // N
  bool* outside;          // CPU: set to whether some coordinate is out of range
};

struct DecodeParams {
  const int64_t* keys;  // [N]
  int32_t* coords;      // [N, 4] out
  int64_t num_rows;     // N
};

struct InsideBoxParams {
  const int64_t* keys;  // [N]
  bool* inside;         // [N] out: low ≤ coordinate < high on each axis
  int64_t num_rows;     // N
  int64_t low[3];       // x, y, z in finest voxels
  int64_t high[3];
};

namespace cpu {
void encode(const EncodeParams& params, ParallelFor parallel_for);
void decode(const DecodeParams& params, ParallelFor parallel_for);
void inside_box(const InsideBoxParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
Status encode(const EncodeParams& params, void* stream);
Status decode(const DecodeParams& params, void* stream);
Status inside_box(const InsideBoxParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
