// A tile of the convolution on tensor cores: its sizes, its shared memory, and how a stage of it is filled: rows
// gathered by asynchronous copies. Owns no products and no kernel.
#pragma once

#include "completion/convolution.h"
#include "completion/offsets.h"
#include "completion/reverse_pairs.h"
#include "launch.cuh"
#include "tensor_core.cuh"

namespace completion::cuda {

constexpr int kGroupOffsets = 32;  // offsets whose table entries are in shared memory at a time

/// Sizes of a block's tile of the output and of a warp's part of it.
///
/// A stage holds whole cache lines of the rows: what bounds the gathering is the number of lines that are asked for,
/// and half a line costs as much as all of it. Narrow tiles belong to narrow rows.
template <class Scalar_, int kRows_, int kColumns_, int kWarpRows_, int kWarpColumns_, bool kTransposed_>
struct ConvolutionTile {
  using Scalar = Scalar_;
  static constexpr bool kTransposed = kTransposed_;  // the weight lies as [K, Cout, Cin]
  static constexpr int kSize = sizeof(Scalar);
  static constexpr int kRows = kRows_, kColumns = kColumns_, kWarpRows = kWarpRows_, kWarpColumns = kWarpColumns_;
  static constexpr int kDepthBytes = kColumns > 32 ? kLineBytes : kLineBytes / 2;  // of input channels in a stage
  static constexpr int kStages = kColumns > 32 && kRows > 64 ? 2 : 4;
  static constexpr int kDepth = kDepthBytes / kSize;  // input channels of a stage
  static constexpr int kPack = kPackBytes / kSize;    // elements of one copy
  static constexpr int kWarpsAcross = kColumns / kWarpColumns;
  static constexpr int kThreads = kRows / kWarpRows * kWarpsAcross * kWarpThreads;
  static constexpr int kInputPitch = pitch_of<Scalar>(kDepthBytes, false);
  static constexpr int kWeightRows = kTransposed ? kColumns : kDepth;
  static constexpr int kWeightRowBytes = kTransposed ? kDepthBytes : kColumns * kSize;
  static constexpr int kWeightPitch = pitch_of<Scalar>(kWeightRowBytes, !kTransposed);
  static constexpr int kOutputPitch = kColumns * kSize + kPackBytes;

  struct Stage {
    alignas(16) char input[kRows * kInputPitch];
    alignas(16) char weight[kWeightRows * kWeightPitch];
  };
  union Panels {
    Stage stages[kStages];
    alignas(16) char output[kRows * kOutputPitch];  // after the last stage
  };
  struct Shared {
    Panels panels;
    int32_t sources[kGroupOffsets][kRows + 1];  // the + 1 spreads the stores over the banks
    int32_t targets[kRows];                     // −1 beyond the last row
    uint32_t used[kRows / kWarpThreads];        // bit k: one of 32 rows has offset k of the group
  };
};

/// Walks the depth of a tile: the offsets of a group that are set in `bits`, each with all its input channels.
struct Cursor {
  uint32_t bits;
  int64_t channel;

  __device__ bool at_end() const { return bits == 0; }
  __device__ int offset() const { return __ffs(static_cast<int>(bits)) - 1; }
  __device__ void advance(int depth, int64_t channels) {
    channel += depth;
    if (channel < channels) return;
    channel = 0;
    bits &= bits - 1;
  }
};

template <class Tile>
__device__ void load_targets(const ConvolutionParams& params, int64_t first_row, typename Tile::Shared& shared) {
  for (int r = threadIdx.x; r < Tile::kRows; r += Tile::kThreads) {
    const int64_t row = first_row + r;
    const bool inside = row < params.num_target;
    shared.targets[r] = !inside ? -1 : params.order == nullptr ? static_cast<int32_t>(row) : params.order[row];
  }
  __syncthreads();
}

/// Fills the sources of one group of offsets from the table. A warp reads rows, a lane for each offset, many rows at a
/// time so that their latencies overlap.
template <class Tile>
__device__ void load_from_table(const ConvolutionParams& params, int first_offset, int count,
                                typename Tile::Shared& shared) {
  constexpr int kAtOnce = 16;
  constexpr int kParts = Tile::kRows / kWarpThreads;
  const int lane = threadIdx.x % kWarpThreads;
  const int32_t* const column = params.table + first_offset + lane;
  for (int part = threadIdx.x / kWarpThreads; part < kParts; part += Tile::kThreads / kWarpThreads) {
    uint32_t used = 0;
    for (int first = part * kWarpThreads; first < (part + 1) * kWarpThreads; first += kAtOnce) {
      int32_t sources[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const int64_t target = shared.targets[first + i];
        sources[i] = target >= 0 && lane < count ? column[target * params.num_offsets] : -1;
      }
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        shared.sources[lane][first + i] = sources[i];
        used |= __ballot_sync(kFullWarp, sources[i] >= 0);
      }
    }
    if (lane == 0) shared.used[part] = used;
  }
  __syncthreads();
}

/// The same from pairs, which name few offsets a row: first all are absent, then the pairs of the group are put in.
template <class Tile>
__device__ void load_from_pairs(const ConvolutionParams& params, int first_offset, int count,
                                typename Tile::Shared& shared) {
  constexpr int kAtOnce = 8;
  for (int i = threadIdx.x; i < count * Tile::kRows; i += Tile::kThreads) {
    shared.sources[i / Tile::kRows][i % Tile::kRows] = -1;
  }
  if (threadIdx.x < Tile::kRows / kWarpThreads) shared.used[threadIdx.x] = 0;
  __syncthreads();
  const int lane = threadIdx.x % kWarpThreads;
  const int num_pairs = Tile::kRows * params.num_slots;  // 32 neighbours in a warp lie in one part of the tile
  for (int begin = threadIdx.x - lane; begin < num_pairs; begin += kAtOnce * Tile::kThreads) {
    int32_t pairs[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int entry = begin + i * Tile::kThreads + lane;
      const int64_t target = entry < num_pairs ? shared.targets[entry / params.num_slots] : -1;
      pairs[i] = target < 0 ? -1 : params.pairs[target * params.num_slots + entry % params.num_slots];
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int row = (begin + i * Tile::kThreads + lane) / params.num_slots;
      const int k = pairs[i] < 0 ? -1 : offset_of_pair(pairs[i]) - first_offset;
      const bool present = k >= 0 && k < count;
      if (present) shared.sources[k][row] = row_of_pair(pairs[i]);
      const uint32_t used = __reduce_or_sync(kFullWarp, present ? 1u << k : 0u);
      if (lane == 0 && used != 0) atomicOr(&shared.used[row / kWarpThreads], used);
    }
  }
  __syncthreads();
}

/// Sources of the tile's rows for one group of offsets; returns the offsets that any row has.
template <class Tile>
__device__ uint32_t load_sources(const ConvolutionParams& params, int first_offset, int count,
                                 typename Tile::Shared& shared) {
  if (params.pairs != nullptr) {
    load_from_pairs<Tile>(params, first_offset, count, shared);
  } else {
    load_from_table<Tile>(params, first_offset, count, shared);
  }
  uint32_t any = 0;
  for (int part = 0; part < Tile::kRows / kWarpThreads; ++part) any |= shared.used[part];
  return any;
}

/// The part of the weight's panel that a thread copies in every stage: a pack of some rows, the same in all of them.
/// A row is an output channel where the weight lies transposed, else an input channel.
template <class Tile>
struct WeightCopies {
  static constexpr int kRowPacks = Tile::kWeightRowBytes / kPackBytes;
  static constexpr int kRowsAtOnce = Tile::kThreads / kRowPacks;
  static_assert(Tile::kThreads % kRowPacks == 0 && Tile::kWeightRows % kRowsAtOnce == 0, "threads copy as much");

  const typename Tile::Scalar* weight;  // of offset and channel 0
  int64_t row_stride;                   // elements
  int64_t columns;                      // of the output from the tile's first
  int row, pack;

  __device__ WeightCopies(const ConvolutionParams& params, int64_t first_column)
      : weight(static_cast<const typename Tile::Scalar*>(params.weight)),
        row_stride(params.weight_strides[Tile::kTransposed ? 2 : 1]),
        columns(params.out_channels - first_column),
        row(threadIdx.x / kRowPacks),
        pack(threadIdx.x % kRowPacks) {
    weight += row * row_stride + pack * Tile::kPack + first_column * params.weight_strides[2];
  }

  __device__ __forceinline__ void load(const ConvolutionParams& params, int64_t k, int64_t channel, char* panel) const {
    const int64_t depth = params.in_channels - channel;
    const int64_t rows = Tile::kTransposed ? columns : depth;
    const bool inside = pack * Tile::kPack < (Tile::kTransposed ? depth : columns);
    const auto* const source = weight + k * params.weight_strides[0] + channel * params.weight_strides[1];
    char* const target = panel + row * Tile::kWeightPitch + pack * kPackBytes;
#pragma unroll
    for (int r = 0; r < Tile::kWeightRows; r += kRowsAtOnce) {
      const bool present = inside && row + r < rows;
      copy_async(target + r * Tile::kWeightPitch, present ? source + r * row_stride : params.weight, present);
    }
  }
};

/// Begins to fill a stage with the gathered input rows and the weight at the cursor.
template <class Tile>
__device__ __forceinline__ void load_stage(const ConvolutionParams& params, const WeightCopies<Tile>& copies,
                                           const typename Tile::Shared& shared, int first_offset, const Cursor& at,
                                           typename Tile::Stage& stage) {
  using Scalar = typename Tile::Scalar;
  constexpr int kDepthPacks = Tile::kDepthBytes / kPackBytes;
  const int k = at.offset();
  const int pack = threadIdx.x % kDepthPacks;
  const int64_t channel = at.channel + pack * Tile::kPack;
  const bool inside = channel < params.in_channels;
  const Scalar* const features = static_cast<const Scalar*>(params.features) + (inside ? channel : 0);
  char* const input = stage.input + pack * kPackBytes;
#pragma unroll
  for (int i = 0; i < Tile::kRows * kDepthPacks / Tile::kThreads; ++i) {
    const int r = (i * Tile::kThreads + threadIdx.x) / kDepthPacks;
    const int64_t source = shared.sources[k][r];
    const bool present = inside && source >= 0;
    copy_async(input + r * Tile::kInputPitch, features + (present ? source * params.in_channels : 0), present);
  }
  copies.load(params, first_offset + k, at.channel, stage.weight);
}

}  // namespace completion::cuda
