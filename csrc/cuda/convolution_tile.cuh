// A tile of the convolution on tensor cores: its sizes, its shared memory, and how a stage of it is filled: rows
// gathered by asynchronous copies. Owns no products and no kernel.
#pragma once

#include "completion/convolution.h"
#include "completion/kernel_pairs.h"
#include "completion/offsets.h"
#include "launch.cuh"
#include "pair_slots.cuh"
#include "row_copies.cuh"
#include "tensor_core.cuh"

namespace completion::cuda {

constexpr int kGroupOffsets = 32;  // of the table whose entries are in shared memory at a time; at least kPairSlots

/// Sizes of a block's tile of the output and of a warp's part of it.
///
/// A stage holds whole cache lines of the rows: half a line is asked for at the cost of all of it. Narrow tiles belong
/// to narrow rows.
template <class Scalar_, int kRows_, int kColumns_, int kWarpRows_, int kWarpColumns_, bool kTransposed_, bool kPaired_>
struct ConvolutionTile {
  using Scalar = Scalar_;
  static constexpr bool kTransposed = kTransposed_;  // the weight lies as [K, Cout, Cin]
  static constexpr bool kPaired = kPaired_;          // neighbours come as pairs, not as a table
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
  static constexpr int kEntryPitch = kRows + 4;  // spreads offsets over the banks

  using Copies = RowCopies<kRows, kDepthBytes / kPackBytes, kThreads, kInputPitch>;
  using Mask = std::conditional_t<kPaired, uint64_t, uint32_t>;  // a bit for each offset of a group

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
    alignas(16) int32_t entries[kGroupOffsets][kEntryPitch];  // of the table by offset, or pairs by slot
    int32_t targets[kRows];                                   // −1 beyond the last row
    Mask used[kRows / kWarpThreads];                          // bit k: one of 32 rows has offset k of the group
    uint32_t slot_offsets[kPaired ? kPairSlots : 1][2];       // bit k of 64: a pair of the slot is of offset k
    int32_t slots[kPaired ? kPairOffsets : 1];                // of each offset
  };
};

/// Walks the depth of a tile: the offsets of a group that are set in `bits`, each with all its input channels.
template <class Mask>
struct Cursor {
  Mask bits;
  int channel;

  __device__ bool at_end() const { return bits == 0; }
  __device__ int offset() const {
    return (sizeof(Mask) > 4 ? __ffsll(static_cast<long long>(bits)) : __ffs(static_cast<int>(bits))) - 1;
  }
  __device__ void advance(int depth, int channels) {
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

/// Fills the entries of one group of offsets from the table. A warp reads four rows of eight offsets at a time, many at
/// once so that their latencies overlap; stored, they fall on different banks.
template <class Tile>
__device__ void load_from_table(const ConvolutionParams& params, int first_offset, int count,
                                typename Tile::Shared& shared) {
  constexpr int kAcross = 8;
  constexpr int kDown = kWarpThreads / kAcross;
  constexpr int kAtOnce = kWarpThreads / kDown;
  const int lane = threadIdx.x % kWarpThreads;
  for (int part = threadIdx.x / kWarpThreads; part < Tile::kRows / kWarpThreads;
       part += Tile::kThreads / kWarpThreads) {
    const int first_row = part * kWarpThreads + lane / kAcross;
    uint32_t used = 0;
#pragma unroll 2
    for (int first = 0; first < count; first += kAcross) {
      const int k = first + lane % kAcross;
      int32_t sources[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const int64_t target = shared.targets[first_row + i * kDown];
        const bool inside = target >= 0 && k < count;
        sources[i] = inside ? params.table[target * params.num_offsets + first_offset + k] : -1;
      }
      uint32_t votes = 0;
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        shared.entries[k][first_row + i * kDown] = sources[i];
        votes |= __ballot_sync(kFullWarp, sources[i] >= 0);
      }
      votes |= votes >> 16;
      used |= ((votes | votes >> 8) & 0xffu) << first;
    }
    if (lane == 0) shared.used[part] = used;
  }
  __syncthreads();
}

/// Fills the pairs of all slots, a thread for each row, and notes which offsets they name: an offset has one slot.
template <class Tile>
__device__ void load_from_pairs(const ConvolutionParams& params, typename Tile::Shared& shared) {
  const int lane = threadIdx.x % kWarpThreads;
  if (threadIdx.x < kPairSlots) shared.slot_offsets[threadIdx.x][0] = shared.slot_offsets[threadIdx.x][1] = 0;
  __syncthreads();
  for (int r = threadIdx.x; r < Tile::kRows; r += Tile::kThreads) {
    const int64_t target = shared.targets[r];
    uint32_t used[2] = {};
    const int32_t* const row = params.pairs + (target < 0 ? 0 : target * params.num_slots);
    for (int first = 0; first < params.num_slots; first += kSlotsAtOnce) {
      int32_t pairs[kSlotsAtOnce];
      read_pairs(row, target < 0 ? 0 : params.num_slots, first, pairs);
#pragma unroll
      for (int i = 0; i < kSlotsAtOnce; ++i) {
        if (first + i >= params.num_slots) break;
        shared.entries[first + i][r] = pairs[i];
        const int k = pairs[i] < 0 ? kPairOffsets : offset_of_pair(pairs[i]);
#pragma unroll
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
__device__ typename Tile::Mask load_entries(const ConvolutionParams& params, int first_offset, int count,
                                            typename Tile::Shared& shared) {
  if constexpr (Tile::kPaired) {
    load_from_pairs<Tile>(params, shared);
  } else {
    load_from_table<Tile>(params, first_offset, count, shared);
  }
  typename Tile::Mask any = 0;
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

  const char* weight;  // the thread's pack of its first row, of offset and channel 0
  int64_t step;        // bytes from one of its rows to the next
  int offset_stride, channel_stride;
  int columns;  // of the output from the tile's first
  int row, pack;

  __device__ WeightCopies(const ConvolutionParams& params, int64_t first_column)
      : offset_stride(static_cast<int>(params.weight_strides[0])),
        channel_stride(static_cast<int>(params.weight_strides[1])),
        columns(static_cast<int>(params.out_channels - first_column)),
        row(threadIdx.x / kRowPacks),
        pack(threadIdx.x % kRowPacks * Tile::kPack) {
    const int64_t row_stride = params.weight_strides[Tile::kTransposed ? 2 : 1];
    const int64_t place = row * row_stride + pack + first_column * params.weight_strides[2];
    weight = static_cast<const char*>(params.weight) + place * Tile::kSize;
    step = kRowsAtOnce * row_stride * Tile::kSize;
  }

  /// Begins to copy the weight of offset k from the channel on, of which `depth` remain.
  __device__ __forceinline__ void load(int k, int channel, int depth, char* panel) const {
    const int rows = Tile::kTransposed ? columns : depth;
    const int last = pack < (Tile::kTransposed ? depth : columns) ? rows : 0;
    const int64_t place = static_cast<int64_t>(k) * offset_stride + static_cast<int64_t>(channel) * channel_stride;
    const char* source = weight + place * Tile::kSize;
    char* const target = panel + row * Tile::kWeightPitch + pack * Tile::kSize;
#pragma unroll
    for (int r = 0; r < Tile::kWeightRows; r += kRowsAtOnce) {
      copy_async(target + r * Tile::kWeightPitch, source, row + r < last);
      source += step;
    }
  }
};

/// Begins to fill a stage with the gathered input rows and the weight at the cursor.
template <class Tile>
__device__ __forceinline__ void load_stage(const typename Tile::Copies& rows, const WeightCopies<Tile>& weight,
                                           const typename Tile::Shared& shared, int first_offset, int in_channels,
                                           const Cursor<typename Tile::Mask>& at, typename Tile::Stage& stage) {
  const int k = at.offset();
  int32_t sources[Tile::Copies::kCount];
  if constexpr (Tile::kPaired) {
    rows.read(shared.entries[shared.slots[k]], sources);
#pragma unroll
    for (int32_t& entry : sources) entry = offset_of_pair(entry) == k ? row_of_pair(entry) : -1;
  } else {
    rows.read(shared.entries[k], sources);
  }
  rows.load(sources, at.channel * Tile::kSize, stage.input);
  weight.load(first_offset + k, at.channel, in_channels - at.channel, stage.weight);
}

}  // namespace completion::cuda
