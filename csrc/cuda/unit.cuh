// The unit of a set of codes: the largest power of two of which all its coordinates are multiples. One pass over the
// keys finds it and clears memory on the way, so that a hash needs no launch of its own to be emptied.
#pragma once

#include "completion/key.h"
#include "launch.cuh"

namespace completion::cuda {

constexpr int kMaxUnitBits = 14;  // a 4³ brick of units is then as wide as the range
constexpr int kMaxPartials = kBlockThreads;

/// Exponent of the unit of codes whose bitwise OR this is.
COMPLETION_HD int unit_bits_of(uint64_t codes) {
  int bits = 0;
  while (bits < kMaxUnitBits && (codes >> (3 * bits) & 7u) == 0) ++bits;
  return bits;
}

/// OR of the codes that each block of a scan read.
struct Partials {
  uint64_t* codes;  // [count]
  int count;        // 1 … kMaxPartials
};

/// Arrays of a Workspace to be filled, up to the 16 bytes in which they end.
struct Clearing {
  void* ones;  // every bit set
  int64_t ones_bytes;
  void* zeros;
  int64_t zeros_bytes;
  int64_t* counts;  // zeros too
  int num_counts;
};

/// OR over the warp.
__device__ __forceinline__ uint64_t or_of_warp(uint64_t bits) {
#pragma unroll
  for (int reach = kWarpThreads / 2; reach > 0; reach /= 2) bits |= __shfl_xor_sync(kFullWarp, bits, reach);
  return bits;
}

/// OR over a block of kBlockThreads, for every thread.
__device__ __forceinline__ uint64_t or_of_block(uint64_t bits) {
  __shared__ uint64_t warps[kBlockWarps];
  const int thread = block_thread();
  bits = or_of_warp(bits);
  if (thread % kWarpThreads == 0) warps[thread / kWarpThreads] = bits;
  __syncthreads();
  uint64_t all = 0;
  for (int w = 0; w < kBlockWarps; ++w) all |= warps[w];
  __syncthreads();
  return all;
}

__device__ __forceinline__ void fill_words(void* target, int64_t bytes, uint32_t word) {
  uint4* const words = static_cast<uint4*>(target);
  const int64_t threads = static_cast<int64_t>(gridDim.x) * kBlockThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x; i < ceil_div(bytes, 16);
       i += threads) {
    words[i] = {word, word, word, word};
  }
}

static __global__ void __launch_bounds__(kBlockThreads)
    scan_codes(const int64_t* keys, int64_t num_keys, Clearing clearing, Partials partials) {
  fill_words(clearing.ones, clearing.ones_bytes, 0xffffffffu);
  fill_words(clearing.zeros, clearing.zeros_bytes, 0);
  if (blockIdx.x == 0 && static_cast<int>(threadIdx.x) < clearing.num_counts) clearing.counts[threadIdx.x] = 0;
  uint64_t bits = 0;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * kBlockThreads;
#pragma unroll 4
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x; i < num_keys; i += threads) {
    bits |= key_to_code(keys[i]);
  }
  bits = or_of_block(bits);
  if (threadIdx.x == 0) partials.codes[blockIdx.x] = bits;
}

/// The exponent of the unit, for every thread of a block of kBlockThreads.
__device__ __forceinline__ int unit_bits_of_partials(const Partials& partials) {
  const int thread = block_thread();
  return unit_bits_of(or_of_block(thread < partials.count ? partials.codes[thread] : 0));
}

/// Space for a scan of so many keys.
inline Partials take_partials(int64_t num_keys, Workspace* workspace) {
  const int64_t blocks = ceil_div(num_keys, 4 * kBlockThreads);
  const int count = static_cast<int>(blocks < 1 ? 1 : blocks > kMaxPartials ? kMaxPartials : blocks);
  return {workspace->take<uint64_t>(count), count};
}

static void launch_scan_codes(const int64_t* keys, int64_t num_keys, const Clearing& clearing, const Partials& partials,
                              void* stream) {
  launch(scan_codes, partials.count, 1, dim3(kBlockThreads), stream, keys, num_keys, clearing, partials);
}

}  // namespace completion::cuda
