// pyramid: the cells of a canonical set at two, four, … times its stride, and the cell of each row one level finer.
//
// A row begins a cell at every level up to its height: that of the highest bit in which its key differs from the key
// before. One look at the rows therefore tells the sizes of all levels.
#pragma once

#include <cstdint>

#include "completion/key.h"
#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

constexpr int32_t kMaxLevels = 15;  // cells of 2¹⁵ voxels: two on each axis

struct PyramidParams {
  const int64_t* keys;      // [N] canonical, multiples of 2^stride_bits on each axis
  int64_t num_rows;         // N < 2³¹
  int32_t stride_bits;      // the set's stride is 2^stride_bits
  int32_t num_levels;       // L ≥ 1; stride_bits + L ≤ kMaxLevels
  int64_t* counts;          // [L] out of count: cells of each level, finest first
  void* workspace;          // scratch; what count leaves in it is read by fill
  int64_t workspace_bytes;  // at least pyramid_workspace_bytes(params)
  // Out of fill, for each level: canonical keys, and the row of the cell of each row of the level below (of the set
  // itself for the first). Null in count.
  int64_t* level_keys[kMaxLevels];
  int32_t* parents[kMaxLevels];
};

/// How many levels, counted from the finest, have a cell that begins with this row.
COMPLETION_HD int32_t height_of(const PyramidParams& params, int64_t row) {
  if (row == 0) return params.num_levels;
  uint64_t differing = static_cast<uint64_t>(params.keys[row] ^ params.keys[row - 1]) >> (3 * params.stride_bits);
  int32_t height = 0;
  while (height < params.num_levels && (differing >>= 3) != 0) ++height;
  return height;
}

/// Key of the cell of a key, at a level counted from one.
COMPLETION_HD int64_t cell_key(const PyramidParams& params, int64_t key, int32_t level) {
  return key & -(int64_t{1} << (3 * (params.stride_bits + level)));
}

namespace cpu {
int64_t pyramid_workspace_bytes(const PyramidParams& params);
void pyramid_count(const PyramidParams& params, ParallelFor parallel_for);
void pyramid_fill(const PyramidParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
int64_t pyramid_workspace_bytes(const PyramidParams& params);
Status pyramid_count(const PyramidParams& params, void* stream);
Status pyramid_fill(const PyramidParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
