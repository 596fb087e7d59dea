// generative_set: children as bits of 4³ bricks in a hash, to which every parent adds; then each brick finds its place,
// by a table of all that there could be or by a sort, and its bits are written as keys.
#include "brick_places.cuh"
#include "completion/generative_set.h"
#include "grown_bricks.cuh"
#include "sort.cuh"

namespace completion::cuda {

namespace {

constexpr int64_t kFewBricks = 4096;  // of these each block counts the children before its own

struct Layout {
  GrownBricks grown;
  int64_t most;                // bricks
  SortedKeys<int64_t> sorted;  // bricks with their slots; or their places, in a table no larger than the keys
  int32_t* tiles;
  int64_t* num_children;  // [1] not read
  int64_t bytes;
};

Layout lay_out(const GenerativeSetParams& params, void* base) {
  Workspace workspace(base);
  Layout layout = {};
  layout.most = params.num_rows * bricks_per_parent(params.offsets);
  layout.sorted = take_sorted_keys<int64_t>(layout.most, &workspace);
  layout.grown = take_grown_bricks(layout.most, layout.sorted.unsorted_rows, &workspace);
  layout.tiles = workspace.take<int32_t>(ceil_div(layout.most, kBlockThreads));
  layout.num_children = workspace.take<int64_t>(1);
  layout.bytes = workspace.bytes();
  return layout;
}

/// Bricks and where their children are.
struct Emission {
  const int64_t* bricks;      // [B]
  const int32_t* slots;       // [B]
  const uint64_t* occupancy;  // by slot
  const int32_t* unit_bits;   // [1]
  int64_t num_bricks;         // B
};

__device__ __forceinline__ int32_t children_of(const Emission& emission, int64_t brick) {
  return brick < emission.num_bricks ? __popcll(children_at(emission.occupancy, emission.slots[brick])) : 0;
}

/// Children of the bricks of each block of kBlockThreads.
__global__ void __launch_bounds__(kBlockThreads) count_children(Emission emission, int32_t* tiles) {
  const int64_t brick = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  const int32_t sum = scan_block(children_of(emission, brick));
  if (threadIdx.x == kBlockThreads - 1) tiles[blockIdx.x] = sum;
}

/// Children before this block's bricks, for every thread.
__device__ __forceinline__ int32_t children_before(const Emission& emission) {
  __shared__ int32_t total;
  int32_t count = 0;
  const int64_t end = static_cast<int64_t>(blockIdx.x) * kBlockThreads;
  for (int64_t brick = threadIdx.x; brick < end; brick += kBlockThreads) count += children_of(emission, brick);
  const int32_t sum = scan_block(count);
  if (threadIdx.x == kBlockThreads - 1) total = sum;
  __syncthreads();
  return total;
}

/// Children before this thread's brick, of ascending bricks.
struct InOrder {
  const int32_t* tiles;  // before each block's; null where each block counts them

  __device__ __forceinline__ int32_t first_child(const Emission& emission, int64_t, int32_t children) const {
    const int32_t before = tiles == nullptr ? children_before(emission) : tiles[blockIdx.x];
    return before + scan_block(children) - children;
  }
};

/// The same by its place, of bricks in any order.
struct ByPlace {
  BrickPlaces places;

  __device__ __forceinline__ int32_t first_child(const Emission& emission, int64_t brick, int32_t) const {
    return brick < emission.num_bricks ? children_before(places, emission.bricks[brick]) : 0;
  }
};

/// Block: the children of kBlockThreads bricks, a brick a warp at a time.
template <class Starts>
__global__ void __launch_bounds__(kBlockThreads) emit_children(Emission emission, Starts order, int64_t* child_keys) {
  __shared__ uint64_t occupancies[kBlockThreads];
  __shared__ int32_t starts[kBlockThreads];
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kBlockThreads;
  const int thread = threadIdx.x;
  const bool taken = first + thread < emission.num_bricks;
  const uint64_t own = taken ? children_at(emission.occupancy, emission.slots[first + thread]) : 0;
  occupancies[thread] = own;
  starts[thread] = order.first_child(emission, first + thread, __popcll(own));
  __syncthreads();
  const int unit_bits = *emission.unit_bits;
  const int lane = thread % kWarpThreads;
  const int warp_begin = thread - lane;
  for (int brick = warp_begin; brick < warp_begin + kWarpThreads && first + brick < emission.num_bricks; ++brick) {
    const uint64_t id = static_cast<uint64_t>(emission.bricks[first + brick]);
    const uint64_t occupancy = occupancies[brick];
    for (int cell = lane; cell < kBrickCells; cell += kWarpThreads) {
      if ((occupancy >> cell & 1u) == 0) continue;
      const int32_t child = starts[brick] + __popcll(occupancy & ((1ull << cell) - 1));
      child_keys[child] = code_to_key((id << kCellBits | static_cast<uint64_t>(cell)) << (3 * unit_bits));
    }
  }
}

/// Whether a table of places is no larger than the keys of a sort, in whose memory it lies. Its last group may be
/// longer than the keys by what Workspace adds to each array. A brick's number has 58 bits.
bool fits(const KeptBits& kept, const Layout& layout) {
  return int64_t{1} << kept.count <= layout.most * static_cast<int64_t>(sizeof(int64_t));
}

void emit_by_places(const GenerativeSetParams& params, const Layout& layout, const KeptBits& kept, void* stream) {
  const SortedKeys<int64_t>& room = layout.sorted;
  const GrownBricks& grown = layout.grown;
  const BrickPlaces places = {kept, reinterpret_cast<uint64_t*>(room.keys), room.rows, layout.tiles};
  fill_places(grown, params.num_bricks, places, layout.num_children, stream);
  const Emission emission = {grown.found, grown.found_slots, grown.occupancy, grown.unit_bits, params.num_bricks};
  launch(emit_children<ByPlace>, ceil_div(params.num_bricks, kBlockThreads), 1, dim3(kBlockThreads), stream, emission,
         ByPlace{places}, params.child_keys);
}

Status emit_sorted(const GenerativeSetParams& params, const Layout& layout, void* stream) {
  const Status status = sort_pairs(layout.grown.found, params.num_bricks, layout.sorted, stream,
                                   num_bits(static_cast<uint64_t>(params.brick_differences)));
  if (status != 0) return status;
  const Emission emission = {layout.sorted.keys, layout.sorted.rows, layout.grown.occupancy, layout.grown.unit_bits,
                             params.num_bricks};
  const int64_t blocks = ceil_div(params.num_bricks, kBlockThreads);
  int32_t* const tiles = params.num_bricks <= kFewBricks ? nullptr : layout.tiles;
  if (tiles != nullptr) {
    launch(count_children, blocks, 1, dim3(kBlockThreads), stream, emission, tiles);
    launch(scan_tiles, 1, 1, dim3(kBlockThreads), stream, tiles, blocks, 0, layout.num_children);
  }
  launch(emit_children<InOrder>, blocks, 1, dim3(kBlockThreads), stream, emission, InOrder{tiles}, params.child_keys);
  return last_status();
}

}  // namespace

int64_t generative_set_workspace_bytes(const GenerativeSetParams& params) { return lay_out(params, nullptr).bytes; }

Status generative_set_count(const GenerativeSetParams& params, void* stream) {
  grow_bricks(params, lay_out(params, params.workspace).grown, stream);
  return last_status();
}

Status generative_set_fill(const GenerativeSetParams& params, void* stream) {
  if (params.num_bricks == 0) return 0;
  const Layout layout = lay_out(params, params.workspace);
  const KeptBits kept = kept_bits(static_cast<uint64_t>(params.brick_differences));
  if (!fits(kept, layout)) return emit_sorted(params, layout, stream);
  emit_by_places(params, layout, kept, stream);
  return last_status();
}

}  // namespace completion::cuda
