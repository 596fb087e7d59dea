// The two products that all convolutions come down to, for the best instruction set of the machine. Owns no loop over
// offsets.
#pragma once

#include <cstdint>

namespace completion::cpu {

/// The pairs of one offset within one block of table rows: a bit for each row, the source where it is set.
struct Pairs {
  const uint64_t* rows;   // bit r: row r of the block, counted from its first, has a pair
  int64_t num_words;      // of 64 rows each
  const int32_t* column;  // source of row r at column[r * stride]
  int64_t stride;         // K
};

/// Rows of a dense matrix, `stride` elements apart.
template <class T>
struct Panel {
  const T* data;
  int64_t stride;
};

/// Kernels of one instruction set, for one and for two vectors of output channels.
template <class T>
struct TileKernels {
  /// sums[target] += x[source] · weight; weight [Cin, width], sums [rows, width], width = vectors · lanes.
  using Multiply = void (*)(const Pairs& pairs, const T* features, int64_t in_channels, const T* weight, T* sums,
                            int64_t spare_row);
  /// sums[r] += Σ_p x[p][r] · grad[p] for r < rows, p < count; rows of sums are `sums_stride` elements apart.
  using Outer = void (*)(const Panel<T>& x, int64_t rows, const Panel<T>& grad, int64_t count, T* sums,
                         int64_t sums_stride);

  /// packed[p] = rows[index[p]], `length` elements; rows of packed are `packed_stride` apart.
  using Gather = void (*)(const T* rows, int64_t length, const int32_t* index, int64_t count, T* packed,
                          int64_t packed_stride);

  int64_t lanes;  // elements of a vector
  Multiply multiply_one, multiply_two;
  Outer outer_one, outer_two;
  Gather gather;
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
