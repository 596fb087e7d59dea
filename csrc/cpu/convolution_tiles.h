// The two products that all convolutions come down to, for the best instruction set of the machine. Owns no loop over
// offsets.
#pragma once

#include <cstdint>

namespace completion::cpu {

/// Pairs of one offset within one block: feature row and, counted from the block's first, target row.
struct Pairs {
  const int32_t* sources;
  const int32_t* targets;
  int64_t count;
};

/// Kernels of one instruction set, for one and for two vectors of output channels.
template <class T>
struct TileKernels {
  /// sums[target] += x[source] · weight; weight [Cin, width], sums [rows, width], width = vectors · lanes.
  using Multiply = void (*)(const Pairs& pairs, const T* features, int64_t in_channels, const T* weight, T* sums,
                            int64_t spare_row);
  /// sums[r] += Σ_pairs x[source][r] · grad[target], r < rows; rows of sums and grad are `…_stride` elements apart.
  using Outer = void (*)(const Pairs& pairs, const T* features, int64_t in_channels, int64_t rows, const T* grad,
                         int64_t grad_stride, T* sums, int64_t sums_stride);

  int64_t lanes;  // elements of a vector
  Multiply multiply_one, multiply_two;
  Outer outer_one, outer_two;
};

/// The kernels for this machine; $ATEN_CPU_CAPABILITY (default, avx2, avx512), torch's own setting, limits the choice.
template <class T>
const TileKernels<T>& tile_kernels();

/// Output channels are worked on in panels of two vectors, the last one of one vector where that is enough.
struct Panels {
  int64_t lanes, channels;

  int64_t padded() const { return (channels + lanes - 1) / lanes * lanes; }
  int64_t width_at(int64_t start) const { return padded() - start >= 2 * lanes ? 2 * lanes : lanes; }
};

}  // namespace completion::cpu
