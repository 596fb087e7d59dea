// Asynchronous copies of gathered rows into a panel in shared memory: a thread copies one pack of neighbouring rows, so
// that the rows' numbers are read in one go and a copy costs few instructions. Those, not the bytes, bound small
// products.
#pragma once

#include "launch.cuh"
#include "pack.cuh"
#include "tensor_core.cuh"

namespace completion::cuda {

/// A thread's share of a panel of kRows rows with kRowPacks packs each, filled by kThreads threads.
template <int kRows, int kRowPacks, int kThreads, class Layout, bool kByL1 = false>
struct RowCopies {
  static constexpr int kCount = kRows * kRowPacks / kThreads;  // rows of a thread
  static constexpr int kWidth = kCount % 4 == 0 ? 4 : kCount;
  static_assert(kCount * kThreads == kRows * kRowPacks && kThreads % kRowPacks == 0, "all threads copy as much");
  static_assert(!Layout::kExchanged || (kCount & (kCount - 1)) == 0, "see PanelLayout::step");
  static_assert(kCount == 1 || kCount == 2 || kCount % 4 == 0, "rows' numbers are read by one, two or four");

  const char* values;    // the thread's pack of row 0
  SharedAddress target;  // of its first pack in the panel
  int row_bytes;
  int rest_bytes;  // of a row from the pack on
  int first;       // row of the panel

  /// Rows of `row_bytes` < 2³¹ bytes, of which the panel has those from `first_byte` on.
  __device__ RowCopies(const void* rows, int row_bytes_, int first_byte, const char* panel)
      : row_bytes(row_bytes_), first(kept(static_cast<int>(threadIdx.x) / kRowPacks * kCount)) {
    const int pack = static_cast<int>(threadIdx.x) % kRowPacks * kPackBytes;
    values = kept(static_cast<const char*>(rows) + first_byte + pack);
    target = kept(shared_address(panel) + Layout::place(first, pack));
    rest_bytes = kept(row_bytes - first_byte - pack);
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

  /// Begins to copy the packs `offset` bytes further on to a panel `stage` bytes further on; zeros for what is no row,
  /// from kNoRow on if unsigned, and beyond the end of a row.
  template <uint32_t kNoRow = 1u << 31>
  __device__ __forceinline__ void load(const int32_t (&rows)[kCount], int offset, int stage) const {
    const char* const source = whole(values + offset);
    const uint32_t end = offset < rest_bytes ? kNoRow : 0;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const uint32_t row = static_cast<uint32_t>(rows[i]);
      const char* const pack = source + static_cast<uint64_t>(row) * static_cast<uint32_t>(row_bytes);
      copy_async<kByL1>(Layout::step(target + stage, i, 0), pack, row < end);
    }
  }
};

}  // namespace completion::cuda
