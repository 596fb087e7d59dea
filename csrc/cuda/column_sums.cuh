// Walks down the columns of a matrix [N, C]: a thread takes a pack of neighbouring columns and some rows. Two sums for
// each column are made by parts of the rows, which a second kernel adds up in order. Sizes alone decide what the parts
// are, sizes and the alignment of the arrays what a thread takes of one, so that bits are the same in every run.
#pragma once

#include <algorithm>
#include <cstdint>

#include "completion/key.h"
#include "launch.cuh"
#include "pack.cuh"

namespace completion::cuda {

/// How the threads of a block lie: packs of columns side by side, the rest of the threads below each other.
struct WalkShape {
  unsigned width = 1;
  int64_t slabs;  // blocks side by side

  WalkShape(int64_t channels, int pack) {
    const int64_t packs = ceil_div(channels, pack);
    while (width < packs && width < kWarpThreads) width *= 2;
    slabs = ceil_div(packs, width);
  }

  unsigned height() const { return kBlockThreads / width; }

  template <class... Parameters, class... Arguments>
  void launch(void (*kernel)(Parameters...), int64_t blocks, void* stream, Arguments... arguments) const {
    cuda::launch(kernel, blocks, slabs, dim3(width, height()), stream, arguments...);
  }
};

/// The pack and the rows of a thread, of blocks that take `block_rows` rows each.
struct Walk {
  int64_t block_begin, begin, end, column;

  __device__ __forceinline__ Walk(int64_t block_rows, int64_t num_rows, int pack)
      : block_begin(static_cast<int64_t>(blockIdx.x) * block_rows),
        begin(block_begin + threadIdx.y),
        end(block_begin + block_rows < num_rows ? block_begin + block_rows : num_rows),
        column((static_cast<int64_t>(blockIdx.y) * blockDim.x + threadIdx.x) * pack) {}

  /// Calls work(row, read(row)) for each row. kAhead rows are read before any of them is worked on, so that the thread
  /// waits for them together.
  template <int kAhead, class Read, class Work>
  __device__ __forceinline__ void each_row(const Read& read, const Work& work) const {
    const int64_t step = blockDim.y;
    for (int64_t first = begin; first < end; first += kAhead * step) {
      decltype(read(first)) rows[kAhead];
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        if (first + i * step < end) rows[i] = read(first + i * step);
      }
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        if (first + i * step < end) work(first + i * step, rows[i]);
      }
    }
  }
};

/// Reads a pack of columns of a row of [N, C].
template <class Scalar, int kPack>
struct ReadRow {
  const Scalar* values;  // the pack of the first row
  int64_t channels;

  __device__ __forceinline__ ReadRow(const void* matrix, int64_t column, int64_t channels_)
      : values(static_cast<const Scalar*>(matrix) + column), channels(channels_) {}

  __device__ __forceinline__ Pack<Scalar, kPack> operator()(int64_t row) const {
    return load_pack<Scalar, kPack>(values + row * channels);
  }
};

/// The same of features and their gradient at once.
template <class Scalar, int kPack>
struct ReadRows {
  struct Packs {
    Pack<Scalar, kPack> x, grad;
  };
  ReadRow<Scalar, kPack> x, grad;

  __device__ __forceinline__ ReadRows(const void* features, const void* grad_, int64_t column, int64_t channels)
      : x(features, column, channels), grad(grad_, column, channels) {}

  __device__ __forceinline__ Packs operator()(int64_t row) const { return {x(row), grad(row)}; }
};

/// Two sums for each part and column, [parts][2][C] in a workspace. A block of sums takes a part.
template <class Sum>
struct PartSums {
  static constexpr int64_t kParts = 512;                       // that keep a GPU busy
  static constexpr int64_t kLeastRows = 64, kMostRows = 2048;  // of a part: sums in float32 lose digits

  Sum* sums;
  int64_t part_rows, count, channels;

  PartSums(int64_t num_rows, int64_t channels_, Sum* sums_)
      : sums(sums_),
        part_rows(std::clamp(ceil_div(num_rows, kParts), kLeastRows, kMostRows)),
        count(ceil_div(num_rows, part_rows)),
        channels(channels_) {}

  int64_t size() const { return 2 * count * channels; }

  COMPLETION_HD Sum& at(int64_t part, int which, int64_t column) const {
    return sums[(2 * part + which) * channels + column];
  }

  /// Adds the sums of the block's threads up, as those of its part.
  template <int kPack>
  __device__ __forceinline__ void write(Sum (&own)[2][kPack]) const {
    __shared__ Sum warps[kBlockWarps][2][kWarpThreads * kPack];
    const unsigned width = blockDim.x;
#pragma unroll
    for (int which = 0; which < 2; ++which) {
#pragma unroll
      for (int i = 0; i < kPack; ++i) {
        for (unsigned reach = width; reach < kWarpThreads; reach *= 2) {  // the lanes that have the same columns
          own[which][i] += __shfl_xor_sync(kFullWarp, own[which][i], static_cast<int>(reach));
        }
        if (block_thread() % kWarpThreads < static_cast<int>(width)) {
          warps[block_thread() / kWarpThreads][which][threadIdx.x * kPack + i] = own[which][i];
        }
      }
    }
    __syncthreads();
    const int columns = static_cast<int>(width) * kPack;
    for (int t = block_thread(); t < 2 * columns; t += kBlockThreads) {
      const int which = t / columns;
      const int64_t column = static_cast<int64_t>(blockIdx.y) * columns + t % columns;
      Sum total = 0;
#pragma unroll
      for (int w = 0; w < kBlockWarps; ++w) total += warps[w][which][t % columns];
      if (column < channels) at(blockIdx.x, which, column) = total;
    }
  }
};

/// A column and some of the parts of a thread, of blocks that add up the parts of kColumns columns.
struct PartWalk {
  static constexpr int kColumns = 8;
  static constexpr int kThreads = kBlockThreads / kColumns;

  int64_t count, column;
  bool inside;

  template <class... Parameters, class... Arguments>
  static void launch(void (*kernel)(Parameters...), int64_t channels, void* stream, Arguments... arguments) {
    cuda::launch(kernel, ceil_div(channels, kColumns), 1, dim3(kColumns, kThreads), stream, arguments...);
  }

  __device__ __forceinline__ PartWalk(int64_t count_, int64_t channels)
      : count(count_), column(static_cast<int64_t>(blockIdx.x) * kColumns + threadIdx.x), inside(column < channels) {}

  /// Sum of value(part) over all parts, for every thread of the column. All threads of the block must call it.
  template <class Value>
  __device__ __forceinline__ double add(const Value& value) const {
    __shared__ double threads[kThreads][kColumns];
    double total = 0;
    if (inside) {
#pragma unroll 4
      for (int64_t part = threadIdx.y; part < count; part += kThreads) total += value(part);
    }
    threads[threadIdx.y][threadIdx.x] = total;
    __syncthreads();
    for (unsigned reach = kThreads / 2; reach > 0; reach /= 2) {
      if (threadIdx.y < reach) threads[threadIdx.y][threadIdx.x] += threads[threadIdx.y + reach][threadIdx.x];
      __syncthreads();
    }
    total = threads[0][threadIdx.x];
    __syncthreads();  // before the next sums are written
    return total;
  }

  /// One of the two sums of the column over all parts, likewise.
  template <class Sum>
  __device__ __forceinline__ double total(const PartSums<Sum>& sums, int which) const {
    return add([&](int64_t part) { return static_cast<double>(sums.at(part, which, column)); });
  }

  __device__ __forceinline__ bool writes() const { return inside && threadIdx.y == 0; }
};

}  // namespace completion::cuda
