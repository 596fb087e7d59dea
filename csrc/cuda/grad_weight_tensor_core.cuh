// The weight gradient on tensor cores, as convolution_grad_weight() chooses it.
#pragma once

#include "completion/convolution.h"
#include "pair_list.cuh"
#include "tensor_core.cuh"

namespace completion::cuda {

constexpr int kListRows = 2048;          // rows listed at a time
constexpr int kGradWarpgroupRows = 128;  // input channels of a tile of warpgroups

/// Whether the type is multiplied there and rows are whole packs at 16-byte addresses.
bool takes_tensor_cores(const ConvolutionGradWeightParams& params);

/// Number of ranges of rows, each with a partial sum of the whole gradient.
int64_t tensor_core_ranges(const ConvolutionGradWeightParams& params);

/// Partial sums, float32 [ranges, K, Cin, Cout], over the pairs of a side.
void sum_pairs_on_tensor_cores(const ConvolutionGradWeightParams& params, const PairSide& side, void* partials,
                               void* stream);

/// Whether the GPU has products of warpgroups and the channels fill their tiles.
bool takes_grad_warpgroups(const ConvolutionGradWeightParams& params);

/// Output channels of a tile of warpgroups: many where the last tile has use for most of them.
inline int grad_warpgroup_columns(const ConvolutionGradWeightParams& params) {
  return (params.out_channels - 1) % 256 >= 128 ? 256 : 128;
}

/// As sum_pairs_on_tensor_cores, which asks for it.
void sum_pairs_by_warpgroups(const ConvolutionGradWeightParams& params, const PairSide& side, const Ranges& ranges,
                             void* partials, void* stream);

/// Writes a warp's sums to the partial sum of the block's range, at input and output channel.
template <int kLeft, int kRight>
__device__ __forceinline__ void store_grad(const ConvolutionGradWeightParams& params, int k, int64_t first_in,
                                           int64_t first_out, const float (&sums)[kLeft][kRight][4], float* partials) {
  const int64_t gradient = static_cast<int64_t>(blockIdx.y) * params.num_offsets + k;
  float* const output = partials + gradient * params.in_channels * params.out_channels;
  const int lane = threadIdx.x % kWarpThreads;
#pragma unroll
  for (int i = 0; i < kLeft; ++i) {
#pragma unroll
    for (int j = 0; j < kRight; ++j) {
#pragma unroll
      for (int value = 0; value < 4; ++value) {
        const int64_t in = first_in + i * kFragmentRows + value / 2 * 8 + lane / 4;
        const int64_t out = first_out + j * kFragmentColumns + lane % 4 * 2 + value % 2;
        if (in < params.in_channels && out < params.out_channels) {
          output[in * params.out_channels + out] = sums[i][j][value];
        }
      }
    }
  }
}

}  // namespace completion::cuda
