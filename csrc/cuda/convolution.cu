// convolution: on tensor cores where they take type and sizes, by kernels of their own where input channels are few.
// Else in plain arithmetic: a block owns a tile of output
// rows and channels, walks the offsets that any of its rows has, gathers 16 input channels at a time into shared memory
// and writes each output once: no atomics, and one order of summation (offset, then channel) whatever the grid.
#include "completion/convolution.h"
#include "completion/kernel_pairs.h"
#include "completion/offsets.h"
#include "convolution_narrow.cuh"
#include "convolution_tensor_core.cuh"
#include "launch.cuh"
#include "product_tile.cuh"
#include "scalar.cuh"
#include "target_rows.cuh"

namespace completion::cuda {

namespace {

constexpr int kTableOffsets = 32;  // offsets whose table entries are in shared memory at a time
constexpr int kThreadRows = 4;     // output rows of a thread

template <class Scalar, int kRows, int kColumns>
struct Tile {
  using Sum = Accumulator<Scalar>;
  static constexpr int kThreadColumns = kRows * kColumns / kBlockThreads / kThreadRows;
  static constexpr int kPaddedRows = kRows + 4;  // spreads the transposed stores over the banks, keeps packs aligned

  alignas(32) Sum input[kDepth][kPaddedRows];
  alignas(32) Sum weight[kDepth][kColumns];
  int32_t rows[kTableOffsets][kRows + 1];
  bool used[kTableOffsets];
};

/// Puts in the sources that pairs name; ends with a barrier.
template <int kRows, class Shared>
__device__ void load_pairs(const ConvolutionParams& params, int64_t first_row, int first_offset, int count,
                           Shared& tile) {
  for (int entry = threadIdx.x; entry < kRows * params.num_slots; entry += kBlockThreads) {
    const int r = entry / params.num_slots;
    const int64_t target = target_at(params, first_row + r);
    const int32_t pair = target < 0 ? -1 : params.pairs[target * params.num_slots + entry % params.num_slots];
    const int k = pair < 0 ? -1 : offset_of_pair(pair) - first_offset;
    if (k >= 0 && k < count) tile.rows[k][r] = row_of_pair(pair);
  }
  __syncthreads();
}

/// Table entries of the tile's rows for one group of offsets, and which offsets any row has.
template <int kRows, class Shared>
__device__ void load_rows(const ConvolutionParams& params, int64_t first_row, int first_offset, int count,
                          Shared& tile) {
  for (int entry = threadIdx.x; entry < kRows * count; entry += kBlockThreads) {
    const int r = entry / count;
    const int k = entry % count;
    const int64_t target = params.pairs == nullptr ? target_at(params, first_row + r) : -1;
    tile.rows[k][r] = target >= 0 ? params.table[target * params.num_offsets + first_offset + k] : -1;
  }
  __syncthreads();
  if (params.pairs != nullptr) load_pairs<kRows>(params, first_row, first_offset, count, tile);
  const int lane = threadIdx.x % kWarpThreads;
  for (int k = threadIdx.x / kWarpThreads; k < count; k += kBlockWarps) {
    bool any = false;
    for (int r = lane; r < kRows; r += kWarpThreads) any |= tile.rows[k][r] >= 0;
    const unsigned vote = __ballot_sync(kFullWarp, any);
    if (lane == 0) tile.used[k] = vote != 0;
  }
  __syncthreads();
}

/// Input channels first_channel … +15 of the tile's rows (transposed) and the same rows of the weight of one offset.
template <class Scalar, int kRows, int kColumns>
__device__ void load_panels(const ConvolutionParams& params, int k, const int32_t* rows, int64_t first_channel,
                            int64_t first_column, Tile<Scalar, kRows, kColumns>& tile) {
  const Scalar* const features = static_cast<const Scalar*>(params.features);
  const Scalar* const weight = static_cast<const Scalar*>(params.weight) + k * params.weight_strides[0];
#pragma unroll
  for (int entry = threadIdx.x; entry < kRows * kDepth; entry += kBlockThreads) {
    const int64_t channel = first_channel + entry % kDepth;
    const int64_t row = rows[entry / kDepth];
    const bool present = row >= 0 && channel < params.in_channels;
    tile.input[entry % kDepth][entry / kDepth] = present ? widen(features[row * params.in_channels + channel]) : 0;
  }
#pragma unroll
  for (int entry = threadIdx.x; entry < kDepth * kColumns; entry += kBlockThreads) {
    const int64_t channel = first_channel + entry / kColumns;
    const int64_t column = first_column + entry % kColumns;
    const bool present = channel < params.in_channels && column < params.out_channels;
    tile.weight[entry / kColumns][entry % kColumns] =
        present ? widen(weight[channel * params.weight_strides[1] + column * params.weight_strides[2]]) : 0;
  }
}

template <class Scalar, int kRows, int kColumns>
__global__ void __launch_bounds__(kBlockThreads) convolve(ConvolutionParams params) {
  using Shared = Tile<Scalar, kRows, kColumns>;
  constexpr int kThreadColumns = Shared::kThreadColumns;
  __shared__ Shared tile;
  const int64_t first_row = static_cast<int64_t>(blockIdx.x) * kRows;
  const int64_t first_column = static_cast<int64_t>(blockIdx.y) * kColumns;
  const int thread_row = threadIdx.x / (kColumns / kThreadColumns) * kThreadRows;
  const int thread_column = threadIdx.x % (kColumns / kThreadColumns) * kThreadColumns;
  Accumulator<Scalar> sums[kThreadRows][kThreadColumns] = {};
  for (int first_offset = 0; first_offset < params.num_offsets; first_offset += kTableOffsets) {
    const int count = min(kTableOffsets, params.num_offsets - first_offset);
    load_rows<kRows>(params, first_row, first_offset, count, tile);
    for (int k = 0; k < count; ++k) {
      if (!tile.used[k]) continue;
      for (int64_t channel = 0; channel < params.in_channels; channel += kDepth) {
        load_panels<Scalar, kRows, kColumns>(params, first_offset + k, tile.rows[k], channel, first_column, tile);
        __syncthreads();
        add_product(&tile.input[0][thread_row], Shared::kPaddedRows, &tile.weight[0][thread_column], kColumns, sums);
        __syncthreads();
      }
    }
  }
  Scalar* const output = static_cast<Scalar*>(params.output);
#pragma unroll
  for (int i = 0; i < kThreadRows; ++i) {
    const int64_t target = target_at(params, first_row + thread_row + i);
#pragma unroll
    for (int j = 0; j < kThreadColumns; ++j) {
      const int64_t column = first_column + thread_column + j;
      if (target >= 0 && column < params.out_channels) {
        narrow(sums[i][j], output + target * params.out_channels + column);
      }
    }
  }
}

template <class Scalar, int kRows, int kColumns>
void launch_convolve(const ConvolutionParams& params, void* stream) {
  launch(convolve<Scalar, kRows, kColumns>, ceil_div(params.num_target, kRows), ceil_div(params.out_channels, kColumns),
         dim3(kBlockThreads), stream, params);
}

}  // namespace

int64_t convolution_workspace_bytes(const ConvolutionParams&) { return 0; }

Status convolution(const ConvolutionParams& params, void* stream) {
  if (takes_tensor_cores(params)) {
    convolve_on_tensor_cores(params, stream);
    return last_status();
  }
  if (is_narrow(params)) {
    convolve_narrow(params, stream);
    return last_status();
  }
  with_scalar(params.dtype, [&](auto tag) {
    using Scalar = typename decltype(tag)::type;
    if (params.out_channels > 32) {
      launch_convolve<Scalar, 64, 64>(params, stream);
    } else if (params.out_channels > 16) {
      launch_convolve<Scalar, 128, 32>(params, stream);
    } else {
      launch_convolve<Scalar, 128, 16>(params, stream);
    }
  });
  return last_status();
}

}  // namespace completion::cuda
