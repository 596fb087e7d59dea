// A tile of the convolution on tensor cores: its sizes, its shared memory, and how a stage of it is filled: rows
// gathered by asynchronous copies. Owns no products and no kernel.
#pragma once

#include "completion/convolution.h"
#include "completion/offsets.h"
#include "completion/reverse_pairs.h"
#include "launch.cuh"
#include "tensor_core.cuh"

namespace completion::cuda {

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
  static constexpr bool kFillsMemory = kRows > 128 && kColumns > 64;  // one block has most of the shared memory
  static constexpr int kStages = kColumns <= 32 || kRows <= 64 ? 4 : kFillsMemory ? 3 : 2;
  static constexpr int kGroupOffsets = kRows > 128 ? 16 : 32;  // whose entries are in shared memory at a time
  static constexpr int kDepth = kDepthBytes / kSize;           // input channels of a stage
  static constexpr int kPack = kPackBytes / kSize;             // elements of one copy
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
    int32_t entries[kGroupOffsets][kRows + 1];  // of the table by offset, or pairs by slot; + 1 spreads the banks
    int32_t targets[kRows];                     // −1 beyond the last row
    uint64_t used[kRows / kWarpThreads];        // bit k: one of 32 rows has offset k of the group
    uint32_t slot_offsets[kGroupOffsets][2];    // bit k of 64: a pair of the slot is of offset k
    int32_t slots[kPairOffsets];                // of each offset
  };
};

/// Walks the depth of a tile: the offsets of a group that are set in `bits`, each with all its input channels.
struct Cursor {
  uint64_t bits;
  int64_t channel;

  __device__ bool at_end() const { return bits == 0; }
  __device__ int offset() const { return __ffsll(static_cast<long long>(bits)) - 1; }
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

/// Offsets of a group: all that pairs can name, or of the table what shared memory has room for, in equal groups.
template <class Tile>
__device__ int group_size(const ConvolutionParams& params) {
  if (params.pairs != nullptr) return kPairOffsets;
  const int64_t groups = ceil_div(params.num_offsets, Tile::kGroupOffsets);
  return static_cast<int>(ceil_div(params.num_offsets, groups));
}

/// Fills the entries of one group of offsets from the table. A warp reads rows, a lane for each offset, many rows at a
/// time so that their latencies overlap.
template <class Tile>
__device__ void load_from_table(const ConvolutionParams& params, int first_offset, int count,
                                typename Tile::Shared& shared) {
  constexpr int kAtOnce = 16;
  constexpr int kAcross = Tile::kGroupOffsets;
  constexpr int kRowsOfWarp = kWarpThreads / kAcross;
  const int lane = threadIdx.x % kWarpThreads;
  const int k = lane % kAcross;
  const int32_t* const column = params.table + first_offset + k;
  for (int part = threadIdx.x / kWarpThreads; part < Tile::kRows / kWarpThreads;
       part += Tile::kThreads / kWarpThreads) {
    uint32_t used = 0;
    for (int first = part * kWarpThreads; first < (part + 1) * kWarpThreads; first += kAtOnce * kRowsOfWarp) {
      const int row = first + lane / kAcross;
      int32_t sources[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const int64_t target = shared.targets[row + i * kRowsOfWarp];
        sources[i] = target >= 0 && k < count ? column[target * params.num_offsets] : -1;
      }
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        shared.entries[k][row + i * kRowsOfWarp] = sources[i];
        used |= __ballot_sync(kFullWarp, sources[i] >= 0);
      }
    }
    if constexpr (kRowsOfWarp == 2) used = (used | used >> kAcross) & 0xffffu;
    if (lane == 0) shared.used[part] = used;
  }
  __syncthreads();
}

/// Fills the pairs of all slots, at most kGroupOffsets, a thread for each row, and notes which offsets they name: an offset has one slot.
template <class Tile>
__device__ void load_from_pairs(const ConvolutionParams& params, typename Tile::Shared& shared) {
  constexpr int kAtOnce = 8;
  const int lane = threadIdx.x % kWarpThreads;
  if (threadIdx.x < Tile::kGroupOffsets) {
    shared.slot_offsets[threadIdx.x][0] = shared.slot_offsets[threadIdx.x][1] = 0;
  }
  __syncthreads();
  for (int r = threadIdx.x; r < Tile::kRows; r += Tile::kThreads) {
    const int64_t target = shared.targets[r];
    uint32_t used[2] = {};
    for (int first = 0; first < params.num_slots; first += kAtOnce) {
      int32_t pairs[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const int slot = first + i;
        pairs[i] = target >= 0 && slot < params.num_slots ? params.pairs[target * params.num_slots + slot] : -1;
      }
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        if (first + i >= params.num_slots) break;
        shared.entries[first + i][r] = pairs[i];
        const int k = pairs[i] < 0 ? kPairOffsets : offset_of_pair(pairs[i]);
        for (int word = 0; word < 2; ++word) {
          const uint32_t named = __reduce_or_sync(kFullWarp, k / 32 == word ? 1u << k % 32 : 0u);
          if (lane == 0 && named != 0) atomicOr(&shared.slot_offsets[first + i][word], named);
          used[word] |= named;
        }
      }
    }
    if (lane == 0) shared.used[r / kWarpThreads] = static_cast<uint64_t>(used[1]) << 32 | used[0];
  }
  __syncthreads();
  for (int k = threadIdx.x; k < kPairOffsets; k += Tile::kThreads) {
    int slot = 0;
    while (slot + 1 < params.num_slots && (shared.slot_offsets[slot][k / 32] >> k % 32 & 1u) == 0) ++slot;
    shared.slots[k] = slot;
  }
  __syncthreads();
}

/// Entries of the tile's rows for one group of offsets; returns the offsets that any row has.
template <class Tile>
__device__ uint64_t load_entries(const ConvolutionParams& params, int first_offset, int count,
                                 typename Tile::Shared& shared) {
  if (params.pairs != nullptr) {
    load_from_pairs<Tile>(params, shared);
  } else {
    load_from_table<Tile>(params, first_offset, count, shared);
  }
  uint64_t any = 0;
  for (int part = 0; part < Tile::kRows / kWarpThreads; ++part) any |= shared.used[part];
  return any;
}

/// Source rows at one offset of the group.
template <class Tile>
struct Sources {
  const int32_t* entries;  // of the tile's rows
  int offset;              // that pairs must name; −1 where entries are rows

  __device__ Sources(const ConvolutionParams& params, const typename Tile::Shared& shared, int k)
      : entries(shared.entries[params.pairs != nullptr ? shared.slots[k] : k]),
        offset(params.pairs != nullptr ? k : -1) {}

  __device__ int64_t of(int r) const {
    const int32_t entry = entries[r];
    if (offset < 0) return entry;
    return offset_of_pair(entry) == offset ? row_of_pair(entry) : -1;  // the remainder of −1 is no offset
  }
};

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
  const Sources<Tile> sources(params, shared, k);
  const int pack = threadIdx.x % kDepthPacks;
  const int64_t channel = at.channel + pack * Tile::kPack;
  const bool inside = channel < params.in_channels;
  const Scalar* const features = static_cast<const Scalar*>(params.features) + (inside ? channel : 0);
  char* const input = stage.input + pack * kPackBytes;
#pragma unroll
  for (int i = 0; i < Tile::kRows * kDepthPacks / Tile::kThreads; ++i) {
    const int r = (i * Tile::kThreads + threadIdx.x) / kDepthPacks;
    const int64_t source = sources.of(r);
    const bool present = inside && source >= 0;
    copy_async(input + r * Tile::kInputPitch, features + (present ? source * params.in_channels : 0), present);
  }
  copies.load(params, first_offset + k, at.channel, stage.weight);
}

}  // namespace completion::cuda
