// kernel_pairs: each tile of source rows finds the 4³ bricks of targets around it once, then every pair is bit
// arithmetic; the rows' keys are made on the way and sorted.
#include "around.cuh"
#include "completion/kernel_pairs.h"
#include "completion/row_order.h"
#include "pair_slots.cuh"
#include "row_keys.cuh"

namespace completion::cuda {

namespace {

constexpr int kTileBricks = 32;           // of source rows, whose neighbours are known at a time
constexpr int64_t kMaxPairBlocks = 1024;  // beyond, a block takes several tiles and fills its tables once for all
constexpr uint32_t kNoEntry = ~0u;

/// Where the pair of a cell in a slot is: offset << 16 | neighbouring brick << kCellBits | cell, or kNoEntry.
struct SlotTable {
  bool clash;  // two offsets that share a slot lead from one cell to cells that both could be targets'
  uint32_t entries[kPairSlots * kBrickCells];  // by slot, so that cells of neighbouring rows lie in different banks
};

/// The offsets of each slot.
struct SlotMembers {
  uint8_t begin[kPairSlots + 1];  // of a slot's offsets
  uint8_t offsets[kPairOffsets];
};

SlotMembers members_of(const KernelPairsParams& params) {
  SlotMembers members = {};
  int count = 0;
  for (int slot = 0; slot < params.num_slots; ++slot) {
    members.begin[slot] = static_cast<uint8_t>(count);
    for (int k = 0; k < params.offsets.count; ++k) {
      if (params.slots[k] == slot) members.offsets[count++] = static_cast<uint8_t>(k);
    }
    members.begin[slot + 1] = static_cast<uint8_t>(count);
  }
  return members;
}

/// Offsets from a source row back to its targets.
KernelOffsets reversed(const KernelOffsets& offsets) {
  KernelOffsets back = offsets;
  for (int i = 0; i < 3 * back.count; ++i) back.xyz[i] = -back.xyz[i];
  return back;
}

/// Ends with a barrier.
__device__ __forceinline__ void fill_slots(const KernelPairsParams& params, const Neighbourhood& neighbourhood,
                                           SlotTable* table) {
  for (int i = threadIdx.x; i < kBrickCells * params.num_slots; i += kBlockThreads) table->entries[i] = kNoEntry;
  if (threadIdx.x == 0) table->clash = false;
  __syncthreads();
  for (int i = threadIdx.x; neighbourhood.num_bricks > 0 && i < kBrickCells * params.offsets.count;
       i += kBlockThreads) {
    const int cell = i % kBrickCells, k = i / kBrickCells;
    const int entry = neighbourhood.entry(axes_of_cell(cell), k);
    if (entry >= kOffUnit) continue;
    // Offsets that share a slot differ modulo the targets' stride. Where that is wider than a brick or no power of two,
    // a cell cannot tell which of them leads to a target.
    const uint32_t before = atomicCAS(&table->entries[params.slots[k] * kBrickCells + cell], kNoEntry,
                                      static_cast<uint32_t>(k << 16 | entry));
    if (before != kNoEntry) table->clash = true;
  }
  __syncthreads();
}

/// Place of this thread's brick among those of the block's rows, and their number; rows ascend.
__device__ __forceinline__ int place_of_brick(bool head, int* num_bricks) {
  __shared__ int warp_heads[kBlockWarps];
  const int warp = threadIdx.x / kWarpThreads, lane = threadIdx.x % kWarpThreads;
  const uint32_t heads = __ballot_sync(kFullWarp, head);
  if (lane == 0) warp_heads[warp] = __popc(heads);
  __syncthreads();
  int before = 0, all = 0;
  for (int w = 0; w < kBlockWarps; ++w) {
    before += w < warp ? warp_heads[w] : 0;
    all += warp_heads[w];
  }
  *num_bricks = all;
  return before + __popc(heads & (kFullWarp >> (kWarpThreads - 1 - lane))) - 1;
}

/// The first pair of a slot: row_of(offset) is the target's row or −1.
template <class RowOf>
__device__ __forceinline__ int32_t first_pair(const SlotMembers& members, int slot, const RowOf& row_of) {
  for (int i = members.begin[slot]; i < members.begin[slot + 1]; ++i) {
    const int k = members.offsets[i];
    const int32_t row = row_of(k);
    if (row >= 0) return pack_pair(row, k);
  }
  return -1;
}

/// Writes the pairs of a row, eight at a time: pair_of(slot); and its key.
template <class Key, class PairOf>
__device__ __forceinline__ void put_pairs(const RowOrderParams& order, int32_t* pairs, const RowKeys<Key>& keys,
                                          int64_t row, const PairOf& pair_of) {
  const int num_slots = order.num_offsets;
  PairsRank rank;
  for (int first = 0; first < num_slots; first += kSlotsAtOnce) {
    int32_t own[kSlotsAtOnce];
#pragma unroll
    for (int i = 0; i < kSlotsAtOnce; ++i) {
      own[i] = first + i < num_slots ? pair_of(first + i) : -1;
      rank.add(first + i, own[i]);
    }
    int32_t* const target = pairs + row * num_slots + first;
    if (num_slots % kSlotsAtOnce == 0) {  // new tensors lie on lines of the cache
#pragma unroll
      for (int i = 0; i < kSlotsAtOnce; i += 4) {
        const Pack<int32_t, 4> four = {{own[i], own[i + 1], own[i + 2], own[i + 3]}};
        store_pack(target + i, four);
      }
    } else {
#pragma unroll
      for (int i = 0; i < kSlotsAtOnce; ++i) {
        if (first + i < num_slots) target[i] = own[i];
      }
    }
  }
  if (keys.keys != nullptr) put_key(order, keys, row, rank.rank(num_slots));
}

/// The first block: each offset's slot.
__device__ __forceinline__ void write_slots(const KernelPairsParams& params) {
  const int k = static_cast<int>(threadIdx.x);
  if (blockIdx.x == 0 && k < params.offsets.count) params.offset_slots[k] = params.slots[k];
}

__global__ void __launch_bounds__(kBlockThreads) write_slots_alone(const __grid_constant__ KernelPairsParams params) {
  write_slots(params);
}

/// A thread for each source row of a tile. `params` has the offsets reversed. Parameters that lists are read from stay
/// where the launch put them: copied into the frame of each thread they would pass through memory.
template <class Key>
__global__ void __launch_bounds__(kBlockThreads)
    find_pairs(const __grid_constant__ KernelPairsParams params, const __grid_constant__ SlotMembers members,
               Reach reach, SetBricks targets, RowOrderParams order, RowKeys<Key> keys) {
  __shared__ Neighbourhood neighbourhood;
  __shared__ SlotTable slots;
  __shared__ Around<kTileBricks> around;
  write_slots(params);
  const int unit_bits = targets.unit_bits[0];
  fill_neighbourhood(params.offsets, reach, unit_bits, Spread::all_cells(), Spread::of(targets.unit_bits[1], unit_bits),
                     &neighbourhood);
  fill_slots(params, neighbourhood, &slots);
  const int num_neighbours = neighbourhood.num_bricks;  // 0 where the offsets reach too many to list
  const int64_t step = static_cast<int64_t>(gridDim.x) * kBlockThreads;
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * kBlockThreads; first < params.num_source; first += step) {
    const int64_t row = first + threadIdx.x;
    const bool taken = row < params.num_source;
    const uint64_t code = taken ? key_to_code(params.source_keys[row]) : 0;
    const uint64_t brick = brick_of(code, unit_bits);
    const bool head =
        taken && (threadIdx.x == 0 || brick_of(key_to_code(params.source_keys[row - 1]), unit_bits) != brick);
    int num_bricks;
    const int place = place_of_brick(head, &num_bricks);
    for (int begin = 0; begin < num_bricks; begin += kTileBricks) {
      const int count = min(num_bricks - begin, kTileBricks);
      const int own = place - begin;
      const bool inside = taken && own >= 0 && own < count;
      if (inside && head) around.bricks[own] = brick;
      __syncthreads();
      find_around(targets, neighbourhood, unit_bits, count, &around);
      if (inside) {
        const auto put = [&](const auto& pair_of) { put_pairs(order, params.pairs, keys, row, pair_of); };
        const auto row_at = [&](int entry) { return row_around(around, own, num_neighbours, entry); };
        const int cell = cell_of(code, unit_bits);
        if (!on_unit(code, unit_bits)) {
          put([](int) { return -1; });
        } else if (num_neighbours == 0) {
          const auto row_of = [&](int k) { return far_row(targets, params.offsets, unit_bits, code, k); };
          put([&](int slot) { return first_pair(members, slot, row_of); });
        } else if (slots.clash) {
          const int axes = axes_of_cell(cell);
          const auto row_of = [&](int k) {
            const int entry = neighbourhood.entry(axes, k);
            return entry < kOffUnit ? row_at(entry) : -1;
          };
          put([&](int slot) { return first_pair(members, slot, row_of); });
        } else {
          put([&](int slot) {
            const uint32_t entry = slots.entries[slot * kBrickCells + cell];
            const int32_t found = entry == kNoEntry ? -1 : row_at(static_cast<int>(entry & 0xffffu));
            return found < 0 ? -1 : pack_pair(found, static_cast<int32_t>(entry >> 16));
          });
        }
      }
      __syncthreads();
    }
  }
}

RowOrderParams order_of(const KernelPairsParams& params) {
  RowOrderParams order = {};
  order.table = params.pairs;
  order.num_target = params.num_source;
  order.num_offsets = params.num_slots;
  order.holds_pairs = true;
  order.order = params.order;
  return order;
}

template <class Key>
struct Layout {
  SetBricks targets;
  RowKeys<Key> keys;
  int64_t bytes;
};

template <class Key>
Layout<Key> lay_out(const KernelPairsParams& params, void* base) {
  Workspace workspace(base);
  const RowOrderParams order = order_of(params);
  Layout<Key> layout = {};
  layout.targets =
      take_set_bricks(params.target_keys, params.num_target, &workspace, unit_bits_of_offsets(params.offsets));
  if (!is_small(order)) layout.keys = take_row_keys<Key>(order, &workspace);
  layout.bytes = workspace.bytes();
  return layout;
}

template <class Key>
Status find_and_sort(const KernelPairsParams& params, void* stream) {
  const Layout<Key> layout = lay_out<Key>(params, params.workspace);
  const RowOrderParams order = order_of(params);
  build_set_bricks(layout.targets, stream);
  KernelPairsParams back = params;
  back.offsets = reversed(params.offsets);
  const int64_t tiles = ceil_div(params.num_source, kBlockThreads);
  launch(find_pairs<Key>, tiles < kMaxPairBlocks ? tiles : kMaxPairBlocks, 1, dim3(kBlockThreads), stream, back,
         members_of(params), reach_of(back.offsets), layout.targets, order, layout.keys);
  return is_small(order) ? row_order(order, stream) : sort_row_keys(order, layout.keys, stream);
}

}  // namespace

int64_t kernel_pairs_workspace_bytes(const KernelPairsParams& params) {
  return with_key_type(order_of(params), [&](auto key) { return lay_out<decltype(key)>(params, nullptr).bytes; });
}

Status kernel_pairs(const KernelPairsParams& params, void* stream) {
  if (params.num_source == 0) {
    launch(write_slots_alone, 1, 1, dim3(kBlockThreads), stream, params);
    return last_status();
  }
  const Status status =
      with_key_type(order_of(params), [&](auto key) { return find_and_sort<decltype(key)>(params, stream); });
  return status != 0 ? status : last_status();
}

}  // namespace completion::cuda
