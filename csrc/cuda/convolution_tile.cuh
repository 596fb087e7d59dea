// A tile of the convolution on tensor cores: its sizes, its shared memory, and how a stage of it is filled: rows
// gathered by asynchronous copies. Owns no products and no kernel.
#pragma once

#include "completion/convolution.h"
#include "completion/kernel_pairs.h"
#include "completion/offsets.h"
#include "launch.cuh"
#include "pair_slots.cuh"
#include "panel.cuh"
#include "row_copies.cuh"
#include "target_rows.cuh"
#include "tensor_core.cuh"

namespace completion::cuda {

constexpr int kTableOffsets = 32;  // whose entries are in shared memory at a time

/// Sizes of a block's tile of the output and of a warp's part of it.
///
/// A stage holds whole cache lines of the rows: half a line is asked for at the cost of all of it. Narrow tiles belong
/// to narrow rows. Tiles of warpgroups are those of convolution_warpgroup.cu.
template <class Scalar_, int kRows_, int kColumns_, int kWarpRows_, int kWarpColumns_, bool kTransposed_, bool kPaired_,
          bool kWarpgroups_ = false>
struct ConvolutionTile {
  using Scalar = Scalar_;
  static constexpr bool kTransposed = kTransposed_;  // the weight lies as [K, Cout, Cin]
  static constexpr bool kPaired = kPaired_;          // neighbours come as pairs, not as a table
  static constexpr bool kWarpgroups = kWarpgroups_;  // which multiply from shared memory
  static constexpr int kSize = sizeof(Scalar);
  static constexpr int kRows = kRows_, kColumns = kColumns_, kWarpRows = kWarpRows_, kWarpColumns = kWarpColumns_;
  static constexpr int kDepthBytes = kColumns > 32 ? kLineBytes : kLineBytes / 2;  // of input channels in a stage
  static constexpr int kStages = kWarpgroups ? (kColumns > 128 ? 4 : 3) : kColumns > 32 && kRows > 64 ? 2 : 4;
  static constexpr int kDepth = kDepthBytes / kSize;  // input channels of a stage
  static constexpr int kPack = kPackBytes / kSize;    // elements of one copy
  static constexpr int kWarpsAcross = kColumns / kWarpColumns;
  static constexpr int kThreads = kRows / kWarpRows * kWarpsAcross * kWarpThreads;
  static_assert(kRows % kWarpThreads == 0 && kRows <= kThreads, "a thread for each row, in whole warps");
  static constexpr int kWeightRows = kTransposed ? kColumns : kDepth;
  static constexpr int kWeightRowBytes = kTransposed ? kDepthBytes : kColumns * kSize;
  static constexpr int kOutputPitch = kColumns * kSize + kPackBytes;
  static constexpr int kEntryPitch = kRows + 4;  // spreads offsets over the banks

  // Pairs take so little of the shared memory that without gaps four blocks share a multiprocessor, not three.
  static constexpr bool kTight = kPaired && kColumns == 64 && kRows == 128 && !kInParts<Scalar>;
  // Blocks that must fit on a multiprocessor; 0: any number.
  static constexpr int kBlocks = kWarpgroups ? (kColumns > 128 ? 1 : 2) : kTight ? 4 : 0;
  static constexpr bool kByElements = !kTransposed && kSize == 4;  // fragments of the weight
  template <int kRowBytes, int kPanelRows, int kGap>
  using LayoutOf =
      std::conditional_t<kWarpgroups, LinePanelLayout<kRowBytes, kPanelRows>, PanelLayout<kRowBytes, kGap>>;
  using InputLayout = LayoutOf<kDepthBytes, kRows, kTight ? 0 : gap_of<Scalar>(false)>;
  using WeightLayout =
      LayoutOf<kWeightRowBytes, kWeightRows, kTight && !kByElements ? 0 : gap_of<Scalar>(!kTransposed)>;
  using Left = LeftOperand<Scalar, InputLayout>;
  using Right =
      std::conditional_t<kTransposed, RightTransposedOperand<Scalar, WeightLayout>, RightOperand<Scalar, WeightLayout>>;
  using Copies = RowCopies<kRows, kDepthBytes / kPackBytes, kThreads, InputLayout>;
  // Offsets that are walked in one go. Of tables so many that two blocks of warpgroups share a multiprocessor.
  static constexpr int kGroup = kPaired ? kPairOffsets : kWarpgroups && kColumns == 128 ? 28 : kTableOffsets;
  using Mask = std::conditional_t<kPaired, uint64_t, uint32_t>;  // a bit for each of these

  struct Stage {
    alignas(InputLayout::kAlignment) char input[kRows * (kDepthBytes + InputLayout::kGap)];
    alignas(WeightLayout::kAlignment) char weight[kWeightRows * (kWeightRowBytes + WeightLayout::kGap)];
  };
  union Panels {
    Stage stages[kStages];
    alignas(16) char output[kRows * kOutputPitch];  // after the last stage
  };
  struct Shared {
    Panels panels;
    int32_t targets[kRows];           // −1 beyond the last row
    Mask used[kRows / kWarpThreads];  // bit k: one of 32 rows has offset k of the group
    int32_t visits[kGroup];           // the walk
    // Of the table by offset, or pairs by slot; the launch asks for as many as there are.
    alignas(16) int32_t entries[kPaired ? kPairSlots : kGroup][kEntryPitch];
  };
};

/// A place on a tile's walk: the offsets that its rows have, each with all its input channels.
struct Cursor {
  int visit, channel;

  __device__ void advance(int depth, int channels) {
    channel += depth;
    if (channel < channels) return;
    channel = 0;
    ++visit;
  }
};

/// First row, in their order, and column of a tile.
struct Corner {
  int64_t row, column;
};

/// An offset of the walk as one number: it, its row of the entries, and a bit for each 32 rows of which one has it.
__device__ __forceinline__ int32_t pack_visit(int offset, int entry, int parts) {
  return offset | entry << 8 | parts << 16;
}
__device__ __forceinline__ int offset_of(int32_t visit) { return visit & 0xff; }
__device__ __forceinline__ int entry_of(int32_t visit) { return visit >> 8 & 0xff; }
__device__ __forceinline__ int parts_of(int32_t visit) { return visit >> 16; }

constexpr int kEntriesAcross = 8;  // of one row, that a warp reads at a time

/// Of Tile::Shared as far as the entries of a launch go.
template <class Tile>
SharedBytes shared_bytes(const ConvolutionParams& params) {
  using Shared = typename Tile::Shared;
  const int group = params.num_offsets < Tile::kGroup ? params.num_offsets : Tile::kGroup;
  const size_t count = Tile::kPaired ? params.num_slots : group;
  return {offsetof(Shared, entries) + count * sizeof(Shared::entries[0]), sizeof(Shared)};
}

template <class Tile>
int64_t num_tiles(const ConvolutionParams& params) {
  return ceil_div(params.num_target, Tile::kRows) * ceil_div(params.out_channels, Tile::kColumns);
}

/// The block's tile. Tiles of the same rows are neighbours in the grid, so that the second finds the rows in the cache.
template <class Tile>
__device__ __forceinline__ Corner corner_of(const ConvolutionParams& params) {
  const unsigned tiles_across = static_cast<unsigned>(ceil_div(params.out_channels, Tile::kColumns));
  return {int64_t{blockIdx.x / tiles_across} * Tile::kRows, int64_t{blockIdx.x % tiles_across} * Tile::kColumns};
}

/// Calls visit(transposed, paired) with std::true_type for what ConvolutionTile calls so, else std::false_type.
template <class Visit>
void with_layout(const ConvolutionParams& params, const Visit& visit) {
  const auto with_neighbours = [&](auto transposed) {
    if (params.pairs != nullptr) {
      visit(transposed, std::true_type{});
    } else {
      visit(transposed, std::false_type{});
    }
  };
  if (params.weight_strides[2] == 1) {
    with_neighbours(std::false_type{});
  } else {
    with_neighbours(std::true_type{});
  }
}

/// Whether the thread has a row of the tile, that of its own number.
template <class Tile>
__device__ __forceinline__ bool has_row() {
  return Tile::kRows == Tile::kThreads || threadIdx.x < Tile::kRows;
}

template <class Tile>
__device__ void load_targets(const ConvolutionParams& params, int64_t first_row, typename Tile::Shared& shared) {
  if (has_row<Tile>()) shared.targets[threadIdx.x] = target_at(params, first_row + threadIdx.x);
  __syncthreads();
}

/// Fills the entries of one group of offsets from the table. A warp reads four rows of eight offsets at a time, many at
/// once so that their latencies overlap; stored, they fall on different banks.
template <class Tile>
__device__ void load_from_table(const ConvolutionParams& params, int first_offset, int count,
                                typename Tile::Shared& shared) {
  constexpr int kDown = kWarpThreads / kEntriesAcross;
  constexpr int kAtOnce = kWarpThreads / kDown;
  const int lane = threadIdx.x % kWarpThreads;
  const uint32_t row_bytes = params.num_offsets * sizeof(int32_t);
  if (has_row<Tile>()) {
    const int part = threadIdx.x / kWarpThreads;
    const int first_row = part * kWarpThreads + lane / kEntriesAcross;
    int32_t targets[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) targets[i] = shared.targets[first_row + i * kDown];
    uint32_t used = 0;
#pragma unroll 2
    for (int first = 0; first < count; first += kEntriesAcross) {
      const int k = first + lane % kEntriesAcross;
      const char* const column = whole(reinterpret_cast<const char*>(params.table + first_offset + k));
      int32_t sources[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const uint64_t row = static_cast<uint64_t>(static_cast<uint32_t>(targets[i])) * row_bytes;
        const bool inside = targets[i] >= 0 && k < count;
        sources[i] = inside ? *reinterpret_cast<const int32_t*>(column + row) : -1;
      }
      uint32_t votes = 0;
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        if (k < count) shared.entries[k][first_row + i * kDown] = sources[i];
        votes |= __ballot_sync(kFullWarp, sources[i] >= 0);
      }
      votes |= votes >> 16;
      used |= ((votes | votes >> 8) & 0xffu) << first;
    }
    if (lane == 0) shared.used[part] = used;
  }
  __syncthreads();
}

/// The targets of the tile and their pairs in all slots, a thread for each row.
template <class Tile>
__device__ void load_from_pairs(const ConvolutionParams& params, int64_t first_row, typename Tile::Shared& shared) {
  if (has_row<Tile>()) {
    const int r = threadIdx.x;
    const int32_t target = target_at(params, first_row + r);
    shared.targets[r] = target;
    const int num_slots = target < 0 ? 0 : params.num_slots;
    const int32_t* const row = params.pairs + (target < 0 ? 0 : int64_t{target} * params.num_slots);
    uint32_t used[2] = {};
    for (int first = 0; first < params.num_slots; first += kSlotsAtOnce) {
      int32_t pairs[kSlotsAtOnce];
      read_pairs(row, num_slots, first, pairs);
#pragma unroll
      for (int i = 0; i < kSlotsAtOnce; ++i) {
        if (first + i < params.num_slots) shared.entries[first + i][r] = pairs[i];
        const int k = pairs[i] < 0 ? kPairOffsets : offset_of_pair(pairs[i]);
#pragma unroll
        for (int word = 0; word < 2; ++word) used[word] |= k / 32 == word ? 1u << k % 32 : 0;
      }
    }
    used[0] = __reduce_or_sync(kFullWarp, used[0]);
    used[1] = __reduce_or_sync(kFullWarp, used[1]);
    if (r % kWarpThreads == 0) {
      shared.used[r / kWarpThreads] = static_cast<uint64_t>(used[1]) << 32 | used[0];
    }
  }
  __syncthreads();
}

/// Lists the walk of a group from `used`, a thread for each offset k, whose entries are in row `entry`; returns the
/// number of its offsets.
template <class Tile>
__device__ int list_visits(int k, int entry, typename Tile::Shared& shared) {
  using Mask = typename Tile::Mask;
  constexpr int kParts = Tile::kRows / kWarpThreads;
  Mask any = 0;
#pragma unroll
  for (int part = 0; part < kParts; ++part) any |= shared.used[part];
  if (k < Tile::kGroup && (any >> k & 1u) != 0) {
    int parts = 0;
#pragma unroll
    for (int part = 0; part < kParts; ++part) parts |= static_cast<int>(shared.used[part] >> k & 1u) << part;
    const int before = __popcll(any & ((Mask{1} << k) - 1));
    shared.visits[before] = pack_visit(k, entry, parts);
  }
  __syncthreads();
  return __popcll(any);
}

/// Entries of the tile's rows for one group of offsets, and the walk; returns the number of its offsets.
template <class Tile>
__device__ int load_entries(const ConvolutionParams& params, int64_t first_row, int first_offset, int count,
                            typename Tile::Shared& shared) {
  const int k = static_cast<int>(threadIdx.x);
  if constexpr (Tile::kPaired) {
    const int slot = k < count ? params.slots[k] : 0;  // it arrives while the pairs do
    load_from_pairs<Tile>(params, first_row, shared);
    return list_visits<Tile>(k, slot >= 0 && slot < params.num_slots ? slot : 0, shared);
  } else {
    load_from_table<Tile>(params, first_offset, count, shared);
    return list_visits<Tile>(k, k, shared);
  }
}

/// The part of the weight's panel that a thread copies in every stage: a pack of some rows, the same in all of them.
/// A row is an output channel where the weight lies transposed, else an input channel.
template <class Tile>
struct WeightCopies {
  static constexpr int kRowPacks = Tile::kWeightRowBytes / kPackBytes;
  static constexpr int kRowsAtOnce = Tile::kThreads / kRowPacks;
  using Layout = typename Tile::WeightLayout;
  static_assert(Tile::kThreads % kRowPacks == 0 && Tile::kWeightRows % kRowsAtOnce == 0, "threads copy as much");
  static_assert(!Layout::kExchanged || kRowsAtOnce % kLinePacks == 0, "see PanelLayout::step");

  const char* weight;               // the thread's pack of its first row, of offset and channel 0
  SharedAddress target;             // of it in the panel
  int64_t step;                     // bytes from one of its rows to the next
  int offset_bytes, channel_bytes;  // from one to the next
  int rows_left;                    // output channels from its first row on, where these are the rows
  int channels_left;                // input channels from its pack or first row on

  __device__ WeightCopies(const ConvolutionParams& params, int64_t first_column, const char* panel)
      : offset_bytes(static_cast<int>(params.weight_strides[0]) * Tile::kSize),
        channel_bytes(static_cast<int>(params.weight_strides[1]) * Tile::kSize) {
    const int row = static_cast<int>(threadIdx.x) / kRowPacks;
    const int pack = static_cast<int>(threadIdx.x) % kRowPacks * Tile::kPack;
    const int columns = static_cast<int>(params.out_channels - first_column);
    const int channels = static_cast<int>(params.in_channels);
    const int64_t row_stride = params.weight_strides[Tile::kTransposed ? 2 : 1];
    const int64_t place = row * row_stride + pack + first_column * params.weight_strides[2];
    weight = kept(static_cast<const char*>(params.weight) + place * Tile::kSize);
    target = kept(shared_address(panel) + Layout::place(row, pack * Tile::kSize));
    step = kRowsAtOnce * row_stride * Tile::kSize;
    rows_left = kept(columns - row);
    channels_left = kept(Tile::kTransposed ? channels - pack : pack < columns ? channels - row : 0);
  }

  /// Begins to copy the weight of offset k from the channel on to a panel `stage` bytes on.
  __device__ __forceinline__ void load(int k, int channel, int stage) const {
    const int depth = channels_left - channel;
    const int rest = !Tile::kTransposed ? depth : depth > 0 ? rows_left : 0;
    const char* source =
        weight + static_cast<int64_t>(k) * offset_bytes + static_cast<int64_t>(channel) * channel_bytes;
#pragma unroll
    for (int r = 0; r < Tile::kWeightRows; r += kRowsAtOnce) {
      copy_async<false>(Layout::step(target + stage, r, 0), source, r < rest);
      source += step;
    }
  }
};

/// Begins to fill the stage so many bytes from the first with the gathered input rows and the weight at the cursor.
template <class Tile>
__device__ __forceinline__ void load_stage(const ConvolutionParams& params, const typename Tile::Copies& rows,
                                           const WeightCopies<Tile>& weight, const typename Tile::Shared& shared,
                                           int first_offset, const Cursor& at, int stage) {
  const int32_t visit = shared.visits[at.visit];
  const int k = offset_of(visit);
  int32_t sources[Tile::Copies::kCount];
  rows.read(shared.entries[entry_of(visit)], sources);
  if constexpr (Tile::kPaired) {
#pragma unroll
    for (int32_t& entry : sources) entry = row_of_pair_at(entry, k);
    rows.template load<kPairRows>(sources, at.channel * Tile::kSize, stage);
  } else {
    rows.load(sources, at.channel * Tile::kSize, stage);
  }
  weight.load(first_offset + k, at.channel, stage);
}

/// Sums of a warp's part of the tile, as the multiply-add leaves them.
template <class Tile>
using Sums = float[Tile::kWarpRows / kFragmentRows][Tile::kWarpColumns / kFragmentColumns][4];

/// Narrows the sums into shared memory and writes whole rows from there.
template <class Tile>
__device__ void store_tile(const ConvolutionParams& params, const Sums<Tile>& sums, int warp_row, int warp_column,
                           int64_t first_column, typename Tile::Shared& shared) {
  using Scalar = typename Tile::Scalar;
  char* const panel = shared.panels.output;
  const int lane = threadIdx.x % kWarpThreads;
#pragma unroll
  for (int i = 0; i < Tile::kWarpRows / kFragmentRows; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kWarpColumns / kFragmentColumns; ++j) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = warp_row + i * kFragmentRows + half * 8 + lane / 4;
        const int column = warp_column + j * kFragmentColumns + lane % 4 * 2;
        Pack<Scalar, 2> two;
        narrow(sums[i][j][2 * half], &two.value[0]);
        narrow(sums[i][j][2 * half + 1], &two.value[1]);
        *reinterpret_cast<Pack<Scalar, 2>*>(panel + row * Tile::kOutputPitch + column * Tile::kSize) = two;
      }
    }
  }
  __syncthreads();
  constexpr int kRowPacks = Tile::kColumns * Tile::kSize / kPackBytes;
  Scalar* const output = static_cast<Scalar*>(params.output);
  for (int entry = threadIdx.x; entry < Tile::kRows * kRowPacks; entry += Tile::kThreads) {
    const int r = entry / kRowPacks;
    const int pack = entry % kRowPacks;
    const int64_t target = shared.targets[r];
    const int64_t column = first_column + pack * Tile::kPack;
    if (target < 0 || column >= params.out_channels) continue;
    *reinterpret_cast<uint4*>(output + target * params.out_channels + column) =
        *reinterpret_cast<const uint4*>(panel + r * Tile::kOutputPitch + pack * kPackBytes);
  }
}

}  // namespace completion::cuda
