// Asynchronous copies of gathered rows into a panel in shared memory: a thread copies one pack of neighbouring rows, so
// that the rows' numbers are read in one go and a copy costs few instructions. Those, not the bytes, bound small
// products.
#pragma once

#include "launch.cuh"
#include "pack.cuh"
#include "tensor_core.cuh"

namespace completion::cuda {

/// A thread's share of a panel of kRows rows with kRowPacks packs each, filled by kThreads threads.
template <int kRows, int kRowPacks, int kThreads, int kPitch>
struct RowCopies {
  static constexpr int kCount = kRows * kRowPacks / kThreads;  // rows of a thread
  static constexpr int kWidth = kCount % 4 == 0 ? 4 : kCount;
  static_assert(kCount * kThreads == kRows * kRowPacks && kThreads % kRowPacks == 0, "all threads copy as much");
  static_assert(kCount == 1 || kCount == 2 || kCount % 4 == 0, "rows' numbers are read by one, two or four");

  const char* values;  // the thread's pack of row 0
  int row_bytes;
  int pack_bytes;  // from the first pack of a row
  int first;       // row of the panel

  /// Rows of `row_bytes` < 2³¹ bytes, of which the panel has those from `first_byte` on.
  __device__ RowCopies(const void* rows, int row_bytes_, int first_byte)
      : row_bytes(row_bytes_),
        pack_bytes(first_byte + static_cast<int>(threadIdx.x) % kRowPacks * kPackBytes),
        first(static_cast<int>(threadIdx.x) / kRowPacks * kCount) {
    values = static_cast<const char*>(rows) + pack_bytes;
  }

  /// The numbers of the thread's rows, of numbers in shared memory for all rows of the panel.
  __device__ __forceinline__ void read(const int32_t* numbers, int32_t (&rows)[kCount]) const {
#pragma unroll
    for (int i = 0; i < kCount; i += kWidth) {
      const auto read = load_pack<int32_t, kWidth>(numbers + first + i);
#pragma unroll
      for (int j = 0; j < kWidth; ++j) rows[i + j] = read.value[j];
    }
  }

  /// Begins to copy the packs `offset` bytes further on; zeros for negative rows and beyond the end of a row.
  __device__ __forceinline__ void load(const int32_t (&rows)[kCount], int offset, char* panel) const {
    const char* const source = values + offset;
    const int beyond = pack_bytes + offset < row_bytes ? 0 : -1;
    char* const target = panel + first * kPitch + threadIdx.x % kRowPacks * kPackBytes;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      copy_async(target + i * kPitch, source + static_cast<int64_t>(rows[i]) * row_bytes, (rows[i] | beyond) >= 0);
    }
  }
};

}  // namespace completion::cuda
