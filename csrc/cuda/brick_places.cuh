// Where the children of each brick begin in canonical order, without a sort: a byte for each brick that there could be
// between those that there are, in their order, and sums over these bytes. For sets that fill enough of their space.
#pragma once

#include "compaction.cuh"
#include "grown_bricks.cuh"
#include "kept_bits.cuh"

namespace completion::cuda {

constexpr int kGroupPlaces = 64;
constexpr int64_t kTilePlaces = int64_t{kBlockThreads} * kGroupPlaces;

/// A table of kGroupPlaces numbers a group, kBlockThreads groups a tile.
struct BrickPlaces {
  KeptBits kept;       // of a brick's number: its place
  uint64_t* children;  // a byte for each place: the children of its brick, 0 … 64
  int32_t* groups;     // children before each kGroupPlaces, in their tile
  int32_t* tiles;      // children before each kTilePlaces

  COMPLETION_HD int64_t num_places() const { return int64_t{1} << kept.count; }
  COMPLETION_HD int64_t num_groups() const { return ceil_div(num_places(), kGroupPlaces); }
};

/// Eight bytes' sum; each is 64 at most, so that sums of several fit in 16 bits.
COMPLETION_HD int32_t sum_of_bytes(uint64_t bytes) {
  const uint64_t pairs = (bytes & 0x00ff00ff00ff00ffull) + (bytes >> 8 & 0x00ff00ff00ff00ffull);
  return static_cast<int32_t>(pairs * 0x0001000100010001ull >> 48);
}

/// Children before a brick's.
__device__ __forceinline__ int32_t children_before(const BrickPlaces& places, uint64_t brick) {
  const int64_t place = static_cast<int64_t>(gather_kept(brick, places.kept));
  int32_t before = places.tiles[place / kTilePlaces] + places.groups[place / kGroupPlaces];
  const uint64_t* const group = places.children + place / kGroupPlaces * (kGroupPlaces / 8);
  const int words = static_cast<int>(place % kGroupPlaces) / 8;
  for (int word = 0; word < words; ++word) before += sum_of_bytes(group[word]);
  const int bits = 8 * static_cast<int>(place % 8);
  return before + sum_of_bytes(group[words] & ((1ull << bits) - 1));
}

/// One thread a brick; where no brick is, the byte stays 0.
static __global__ void __launch_bounds__(kBlockThreads)
    note_children(GrownBricks grown, int64_t num_bricks, BrickPlaces places) {
  const int64_t brick = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  if (brick >= num_bricks) return;
  const uint64_t place = gather_kept(static_cast<uint64_t>(grown.found[brick]), places.kept);
  const int children = __popcll(children_at(grown.occupancy, grown.found_slots[brick]));
  reinterpret_cast<uint8_t*>(places.children)[place] = static_cast<uint8_t>(children);
}

/// Block: one tile, one thread a group. `tiles` becomes the children of each.
static __global__ void __launch_bounds__(kBlockThreads) sum_places(BrickPlaces places) {
  const int64_t group = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  const bool taken = group < places.num_groups();
  const uint64_t* const words = places.children + group * (kGroupPlaces / 8);
  int32_t children = 0;
  for (int word = 0; taken && word < kGroupPlaces / 8; ++word) children += sum_of_bytes(words[word]);
  const int32_t sum = scan_block(children);
  if (taken) places.groups[group] = sum - children;
  if (threadIdx.x == kBlockThreads - 1) places.tiles[blockIdx.x] = sum;
}

/// Fills the table: a memset and three launches. `total` is not read.
static void fill_places(const GrownBricks& grown, int64_t num_bricks, const BrickPlaces& places, int64_t* total,
                        void* stream) {
  const size_t bytes = static_cast<size_t>(places.num_groups() * kGroupPlaces);
  cudaMemsetAsync(places.children, 0, bytes, static_cast<cudaStream_t>(stream));
  launch_items(note_children, num_bricks, stream, grown, num_bricks, places);
  const int64_t tiles = ceil_div(places.num_places(), kTilePlaces);
  launch(sum_places, tiles, 1, dim3(kBlockThreads), stream, places);
  launch(scan_tiles, 1, 1, dim3(kBlockThreads), stream, places.tiles, tiles, 0, total);
}

}  // namespace completion::cuda
