// The convolution of few input channels: a block gathers the terms of its rows into shared memory, 32 at a time, and
// each thread sums those of a row for eight columns. One order of summation whatever the grid: that of the terms.
#include "completion/kernel_pairs.h"
#include "convolution_narrow.cuh"
#include "launch.cuh"
#include "pack.cuh"
#include "pair_slots.cuh"
#include "target_rows.cuh"

namespace completion::cuda {

namespace {

constexpr int kTerms = kWarpThreads;  // a lane gathers each
constexpr int kColumns = 16;
constexpr int kThreadColumns = 8;
constexpr int kRows = kBlockThreads / (kColumns / kThreadColumns);

template <class Sum>
struct NarrowTile {
  Sum input[kTerms][kRows + 1];  // spreads the transposed stores over the banks
  alignas(16) Sum weight[kTerms][kColumns];
  int32_t targets[kRows];
};

/// Source row of a target at offset k, −1 where there is none.
__device__ __forceinline__ int32_t source_at(const ConvolutionParams& params, int64_t target, int k) {
  if (params.pairs == nullptr) return params.table[target * params.num_offsets + k];
  const int32_t row = row_of_pair_at(params.pairs[target * params.num_slots + params.slots[k]], k);
  return static_cast<uint32_t>(row) < kPairRows ? row : -1;
}

/// Terms first_term … of the tile's rows, zero where there is no neighbour, and their weight; ends with a barrier.
template <class Scalar, class Sum>
__device__ void load_terms(const ConvolutionParams& params, int first_term, int count, int64_t first_column,
                           NarrowTile<Sum>& tile) {
  const Scalar* const features = static_cast<const Scalar*>(params.features);
  const Scalar* const weight = static_cast<const Scalar*>(params.weight);
  const int channels = static_cast<int>(params.in_channels);
  const int lane = threadIdx.x % kWarpThreads;
  const Term gathered = term_of(first_term + lane, channels);
#pragma unroll
  for (int r = threadIdx.x / kWarpThreads; r < kRows; r += kBlockWarps) {
    const bool inside = tile.targets[r] >= 0 && lane < count;
    const int32_t source = inside ? source_at(params, tile.targets[r], gathered.offset) : -1;
    tile.input[lane][r] = value_of(features, source, channels, gathered);
  }
  for (int entry = threadIdx.x; entry < kColumns * count; entry += kBlockThreads) {
    const Term term = term_of(first_term + entry / kColumns, channels);
    const int64_t column = first_column + entry % kColumns;
    const int64_t place = term.offset * params.weight_strides[0] + term.channel * params.weight_strides[1];
    const bool inside = column < params.out_channels;
    tile.weight[entry / kColumns][entry % kColumns] =
        inside ? widen(weight[place + column * params.weight_strides[2]]) : 0;
  }
  __syncthreads();
}

template <class Scalar>
__global__ void __launch_bounds__(kBlockThreads) convolve_terms(ConvolutionParams params) {
  using Sum = Accumulator<Scalar>;
  __shared__ NarrowTile<Sum> tile;
  const int64_t first_row = static_cast<int64_t>(blockIdx.x) * kRows;
  const int64_t first_column = static_cast<int64_t>(blockIdx.y) * kColumns;
  const int r = threadIdx.x % kRows;
  const int thread_column = threadIdx.x / kRows * kThreadColumns;
  if (threadIdx.x < kRows) tile.targets[threadIdx.x] = target_at(params, first_row + threadIdx.x);
  __syncthreads();
  Sum sums[kThreadColumns] = {};
  const int num_terms = params.num_offsets * static_cast<int>(params.in_channels);
  for (int first_term = 0; first_term < num_terms; first_term += kTerms) {
    const int count = min(kTerms, num_terms - first_term);
    load_terms<Scalar>(params, first_term, count, first_column, tile);
    for (int term = 0; term < count; ++term) {
      const Sum value = tile.input[term][r];
      const auto weight = load_columns<Sum, kThreadColumns>(tile.weight[term], thread_column);
#pragma unroll
      for (int j = 0; j < kThreadColumns; ++j) sums[j] += value * weight.value[j];
    }
    __syncthreads();
  }
  if (tile.targets[r] < 0) return;
  Scalar* const output = static_cast<Scalar*>(params.output) + tile.targets[r] * params.out_channels;
#pragma unroll
  for (int j = 0; j < kThreadColumns; ++j) {
    const int64_t column = first_column + thread_column + j;
    if (column < params.out_channels) narrow(sums[j], output + column);
  }
}

}  // namespace

void convolve_narrow(const ConvolutionParams& params, void* stream) {
  with_scalar(params.dtype, [&](auto tag) {
    launch(convolve_terms<typename decltype(tag)::type>, ceil_div(params.num_target, kRows),
           ceil_div(params.out_channels, kColumns), dim3(kBlockThreads), stream, params);
  });
}

}  // namespace completion::cuda
