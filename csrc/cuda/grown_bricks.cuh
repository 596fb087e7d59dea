// The children of a set as 4³ bricks in a hash: parents find or insert a brick and set its bits. Neither depends on the
// order of the parents, only the slots do.
#pragma once

#include "brick_hash.cuh"
#include "compaction.cuh"
#include "completion/generative_set.h"
#include "kept_bits.cuh"
#include "neighbourhood.cuh"
#include "unit.cuh"

namespace completion::cuda {

constexpr uint64_t kNoBrick = ~0ull;
constexpr int kParentRows = 64;
constexpr int64_t kMaxGrowBlocks = 2048;  // beyond, a block takes more parents and fills its tables once for all

struct GrownBricks {
  uint64_t* bricks;      // [num_slots] code >> (3 · unit_bits + 6), or kNoBrick
  uint64_t* occupancy;   // [num_slots] the children in each
  Partials partials;     // of scan_codes
  int32_t* unit_bits;    // [1]
  int64_t* found;        // [B] out: the bricks, in no order
  int32_t* found_slots;  // [B] out: their slots, the bits of uint32
  uint32_t num_slots;
};

/// Most bricks that the children of one parent can lie in, whatever the parents' unit.
inline int64_t bricks_per_parent(const KernelOffsets& offsets) {
  const Reach reach = reach_of(offsets);
  int64_t most = 1;
  for (int unit_bits = unit_bits_of_offsets(offsets); unit_bits >= 0; --unit_bits) {
    int64_t bricks = 1;
    for (int axis = 0; axis < 3; ++axis) {
      bricks *= (((reach.high[axis] - reach.low[axis]) >> unit_bits) + 3) / 4 + 1;
    }
    if (bricks > most) most = bricks;
  }
  return most < offsets.count ? most : offsets.count;
}

/// Space for up to `most` bricks; `found_slots` is where a sort wants them.
inline GrownBricks take_grown_bricks(int64_t most, int32_t* found_slots, Workspace* workspace) {
  GrownBricks grown = {};
  grown.num_slots = static_cast<uint32_t>(most + most / 4 + 1);  // sets of lone voxels fill four slots of five
  grown.bricks = workspace->take<uint64_t>(grown.num_slots);
  grown.occupancy = workspace->take<uint64_t>(grown.num_slots);
  grown.partials = take_partials(most, workspace);
  grown.unit_bits = workspace->take<int32_t>(1);
  grown.found = workspace->take<int64_t>(most);
  grown.found_slots = found_slots;
  return grown;
}

/// The children in the brick at a slot, of which there may be more than int32 has.
__device__ __forceinline__ uint64_t children_at(const uint64_t* occupancy, int32_t slot) {
  return occupancy[static_cast<uint32_t>(slot)];
}

__device__ __forceinline__ void add_children(const GrownBricks& grown, uint64_t brick, uint64_t cells) {
  using Word = unsigned long long;
  uint32_t slot = first_slot(brick, grown.num_slots);
  while (true) {
    uint64_t there = grown.bricks[slot];
    if (there == kNoBrick) there = atomicCAS(reinterpret_cast<Word*>(&grown.bricks[slot]), Word{kNoBrick}, Word{brick});
    if (there == kNoBrick || there == brick) break;
    slot = next_slot(slot, grown.num_slots);
  }
  // Bits are only ever set: those that are seen need no atomic.
  if ((cells & ~grown.occupancy[slot]) != 0) atomicOr(reinterpret_cast<Word*>(&grown.occupancy[slot]), Word{cells});
}

/// Which cells of each neighbour the children of each cell are; of parents' cells alone.
struct Marks {
  static constexpr int kPitch = kBrickCells + 1;  // neither a row nor a column stays in one bank
  uint32_t halves[2][kMaxNeighbours * kPitch];

  COMPLETION_HD uint64_t cells(int cell, int brick) const {
    const int mark = brick * kPitch + cell;
    return static_cast<uint64_t>(halves[1][mark]) << 32 | halves[0][mark];
  }
};

/// Ends with a barrier.
__device__ __forceinline__ void fill_marks(const Neighbourhood& neighbourhood, int num_offsets, Spread spread,
                                           Marks* marks) {
  const int num_cells = kBrickCells >> (3 * spread.bits);
  for (int i = threadIdx.x; i < neighbourhood.num_bricks * Marks::kPitch; i += kBlockThreads) {
    marks->halves[0][i] = marks->halves[1][i] = 0;
  }
  __syncthreads();
  for (int i = threadIdx.x; neighbourhood.num_bricks > 0 && i < num_cells * num_offsets; i += kBlockThreads) {
    const int cell = i % num_cells << (3 * spread.bits);
    const int entry = neighbourhood.entry(axes_of_cell(cell), i / num_cells);
    atomicOr(&marks->halves[entry >> 5 & 1][(entry >> kCellBits) * Marks::kPitch + cell], 1u << (entry & 31));
  }
  __syncthreads();
}

/// Adds the children of a parent in one neighbouring brick, or at one offset where no neighbours are listed.
__device__ __forceinline__ void add_part(const GenerativeSetParams& params, const GrownBricks& grown,
                                         const Neighbourhood& neighbourhood, const Marks& marks, int unit_bits,
                                         uint64_t parent, int part) {
  const bool near = neighbourhood.num_bricks > 0;
  const int brick_bits = 3 * unit_bits + kCellBits;
  const int32_t* const xyz = params.offsets.xyz + 3 * part;
  uint64_t cells = near ? marks.cells(cell_of(parent, unit_bits), part) : 1;
  if (cells == 0) return;
  uint64_t site;
  const bool inside = near ? add_offset(parent >> brick_bits << brick_bits, neighbourhood.bricks[part], &site)
                           : add_offset(parent, morton_offset(xyz[0], xyz[1], xyz[2]), &site);
  if (!near) cells = 1ull << cell_of(site, unit_bits);
  if (inside) {
    add_children(grown, brick_of(site, unit_bits), cells);
  } else {
    using Word = unsigned long long;
    atomicAdd(reinterpret_cast<Word*>(params.counts + 1), static_cast<Word>(__popcll(cells)));
  }
}

/// One thread for each parent and neighbouring brick, or for each parent and offset where these reach too far.
static __global__ void __launch_bounds__(kBlockThreads)
    mark_children(GenerativeSetParams params, Reach reach, int offset_unit_bits, GrownBricks grown) {
  __shared__ Neighbourhood neighbourhood;
  __shared__ Marks marks;
  const int set_unit_bits = unit_bits_of_partials(grown.partials);
  const int unit_bits = set_unit_bits < offset_unit_bits ? set_unit_bits : offset_unit_bits;
  if (blockIdx.x == 0 && threadIdx.x == 0) *grown.unit_bits = unit_bits;
  // Parents lie farther apart than children: fewer cells to know, fewer bricks to reach.
  const Spread spread = Spread::of(set_unit_bits, unit_bits);
  fill_neighbourhood(params.offsets, reach, unit_bits, spread, Spread::all_cells(), &neighbourhood);
  fill_marks(neighbourhood, params.offsets.count, spread, &marks);
  const int num_parts = neighbourhood.num_bricks > 0 ? neighbourhood.num_bricks : params.offsets.count;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kParentRows;
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * kParentRows; first < params.num_rows; first += step) {
    for (int i = threadIdx.x; i < kParentRows * num_parts; i += kBlockThreads) {
      const int64_t row = first + i / num_parts;
      const int part = i % num_parts;
      if (row >= params.num_rows) break;
      add_part(params, grown, neighbourhood, marks, unit_bits, key_to_code(params.keys[row]), part);
    }
  }
}

struct HoldsBrick {
  const uint64_t* bricks;

  COMPLETION_HD bool operator()(int64_t slot) const { return bricks[slot] != kNoBrick; }
};

/// Lists the slots that hold a brick; counts[0] = children, counts[2] = bricks, counts[3] = bits in which their numbers
/// differ, in Gray codes. Sums and a list in no order: nothing that depends on which block comes first.
static __global__ void __launch_bounds__(kBlockThreads)
    gather_bricks(GrownBricks grown, const int64_t* parent_keys, int64_t* counts) {
  using Word = unsigned long long;
  __shared__ int32_t bricks, children;
  __shared__ Word differences;
  __shared__ int64_t first;
  const int warp = threadIdx.x / kWarpThreads, lane = threadIdx.x % kWarpThreads;
  if (threadIdx.x == 0) bricks = children = 0, differences = 0;
  __syncthreads();
  uint32_t votes[kWarpRounds];
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * kTileItems + warp * kWarpItems + lane;
  const int32_t warp_bricks = vote(HoldsBrick{grown.bricks}, begin - lane, grown.num_slots, votes);
  int32_t own_children = 0;
  uint64_t own_differences = 0;
  const int unit_bits = warp_bricks > 0 ? *grown.unit_bits : 0;  // without parents nothing was written
  const uint64_t any_brick = warp_bricks > 0 ? brick_of(key_to_code(parent_keys[0]), unit_bits) : 0;
#pragma unroll
  for (int round = 0; round < kWarpRounds; ++round) {
    if ((votes[round] >> lane & 1u) == 0) continue;
    const int64_t slot = begin + round * kWarpThreads;
    own_children += __popcll(grown.occupancy[slot]);
    own_differences |= gray_code(grown.bricks[slot] ^ any_brick, morton_bits_of_brick(unit_bits));
  }
  if (own_children > 0) atomicAdd(&children, own_children);
  own_differences = or_of_warp(own_differences);
  if (lane == 0 && own_differences != 0) atomicOr(&differences, Word{own_differences});
  int32_t rank = lane == 0 && warp_bricks > 0 ? atomicAdd(&bricks, warp_bricks) : 0;
  rank = __shfl_sync(kFullWarp, rank, 0);
  __syncthreads();
  if (bricks == 0) return;
  if (threadIdx.x == 0) {
    first = static_cast<int64_t>(atomicAdd(reinterpret_cast<Word*>(counts + 2), static_cast<Word>(bricks)));
    atomicAdd(reinterpret_cast<Word*>(counts), static_cast<Word>(children));
    atomicOr(reinterpret_cast<Word*>(counts + 3), differences);
  }
  __syncthreads();
#pragma unroll
  for (int round = 0; round < kWarpRounds; ++round) {
    const int64_t slot = begin + round * kWarpThreads;
    if ((votes[round] >> lane & 1u) != 0) {
      const int64_t brick = first + rank + __popc(votes[round] & ((1u << lane) - 1u));
      grown.found[brick] = static_cast<int64_t>(grown.bricks[slot]);
      grown.found_slots[brick] = static_cast<int32_t>(slot);
    }
    rank += __popc(votes[round]);
  }
}

/// Fills the hash, the list of its bricks and the counts: three launches.
static void grow_bricks(const GenerativeSetParams& params, const GrownBricks& grown, void* stream) {
  const int64_t slot_bytes = static_cast<int64_t>(grown.num_slots) * 8;
  launch_scan_codes(params.keys, params.num_rows,
                    {grown.bricks, slot_bytes, grown.occupancy, slot_bytes, params.counts, 4}, grown.partials, stream);
  const int64_t blocks = ceil_div(params.num_rows, kParentRows);
  launch(mark_children, blocks < kMaxGrowBlocks ? blocks : kMaxGrowBlocks, 1, dim3(kBlockThreads), stream, params,
         reach_of(params.offsets), unit_bits_of_offsets(params.offsets), grown);
  launch(gather_bricks, num_tiles(grown.num_slots), 1, dim3(kBlockThreads), stream, grown, params.keys, params.counts);
}

}  // namespace completion::cuda
