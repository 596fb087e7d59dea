// The rows of a set around some 4³ bricks of another, found once for all voxels of these, in tables in shared memory;
// and one by one, where offsets reach too far to list.
#pragma once

#include "neighbourhood.cuh"
#include "set_bricks.cuh"

namespace completion::cuda {

/// Up to kBricks bricks and what lies in each of their neighbours.
template <int kBricks>
struct Around {
  uint64_t bricks[kBricks];
  uint64_t occupancy[kBricks * kMaxNeighbours];  // of each neighbour of each brick; 0 where absent
  int32_t first_row[kBricks * kMaxNeighbours];
};

/// Finds all neighbours of the first `num_bricks`; ends with a barrier.
template <int kBricks>
__device__ __forceinline__ void find_around(const SetBricks& set, const Neighbourhood& neighbourhood, int unit_bits,
                                            int num_bricks, Around<kBricks>* around) {
  const int num_neighbours = neighbourhood.num_bricks;
  for (int i = block_thread(); i < num_bricks * num_neighbours; i += kBlockThreads) {
    const int brick = i / num_neighbours;
    uint64_t corner;
    int32_t row = -1;
    if (add_offset(around->bricks[brick] << (3 * unit_bits + kCellBits),
                   neighbourhood.bricks[i - brick * num_neighbours], &corner)) {
      row = find_brick(set, brick_of(corner, unit_bits), unit_bits);
    }
    around->first_row[i] = row;
    around->occupancy[i] = row < 0 ? 0 : set.occupancy[row];
  }
  __syncthreads();
}

/// Row at an offset from a code, by search; −1 where there is none.
__device__ __forceinline__ int32_t far_row(const SetBricks& set, const KernelOffsets& offsets, int unit_bits,
                                           uint64_t code, int k) {
  const int32_t* const xyz = offsets.xyz + 3 * k;
  uint64_t site;
  return add_offset(code, morton_offset(xyz[0], xyz[1], xyz[2]), &site) ? find_code(set, site, unit_bits) : -1;
}

/// Row at an entry of the neighbourhood, seen from a brick; −1 where there is none.
template <int kBricks>
__device__ __forceinline__ int32_t row_around(const Around<kBricks>& around, int brick, int num_neighbours, int entry) {
  const int found = brick * num_neighbours + (entry >> kCellBits);
  return row_of_cell(around.occupancy[found], around.first_row[found], entry & (kBrickCells - 1));
}

}  // namespace completion::cuda
