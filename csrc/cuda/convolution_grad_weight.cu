// convolution_grad_weight: a block owns one tile of one offset's gradient and one range of target rows. It lists the
// pairs of the range in row order and sums over them; the ranges' partial sums are added in the order of the ranges.
// Ranges depend on the sizes alone, so the result is bitwise the same on every run and every device.
#include "completion/convolution.h"
#include "launch.cuh"
#include "product_tile.cuh"
#include "scalar.cuh"

namespace completion::cuda {

namespace {

constexpr int64_t kLeastChunks = 2;      // of 256 rows in a range, so that a partial sum costs less than what it sums
constexpr int64_t kTargetBlocks = 2048;  // blocks worth of ranges: enough for every GPU, bounds the workspace
constexpr int kSideThreads = 16;

/// How the work is cut.
struct Split {
  int side;                // width and height of a gradient tile
  int64_t tiles_in;        // tiles along Cin
  int64_t tiles_out;       // tiles along Cout
  int64_t num_ranges;      // ranges of target rows
  int64_t rows_per_range;  // a multiple of kBlockThreads
};

Split split_of(const ConvolutionGradWeightParams& params) {
  Split split = {};
  const int64_t widest = params.in_channels > params.out_channels ? params.in_channels : params.out_channels;
  split.side = widest > 32 ? 64 : widest > 16 ? 32 : 16;
  split.tiles_in = ceil_div(params.in_channels, split.side);
  split.tiles_out = ceil_div(params.out_channels, split.side);
  const int64_t tiles = split.tiles_in * split.tiles_out * params.num_offsets;
  const int64_t chunks = ceil_div(params.num_target, kBlockThreads);
  const int64_t wanted = ceil_div(chunks, ceil_div(kTargetBlocks, tiles));
  const int64_t chunks_per_range = wanted > kLeastChunks ? wanted : kLeastChunks;
  split.rows_per_range = chunks_per_range * kBlockThreads;
  split.num_ranges = chunks > 0 ? ceil_div(chunks, chunks_per_range) : 1;
  return split;
}

int64_t num_weights(const ConvolutionGradWeightParams& params) {
  return params.num_offsets * params.in_channels * params.out_channels;
}

/// Source and target row of up to 256 pairs, in row order.
struct PairList {
  int32_t source[kBlockThreads];
  int32_t target[kBlockThreads];
  int32_t warp_counts[kBlockWarps];
};

/// Lists the pairs of offset k among 256 rows; returns their number.
__device__ int list_pairs(const ConvolutionGradWeightParams& params, int k, int64_t first_row, int64_t end_row,
                          PairList& pairs) {
  const int lane = threadIdx.x % kWarpThreads;
  const int warp = threadIdx.x / kWarpThreads;
  const int64_t row = first_row + threadIdx.x;
  const int32_t source = row < end_row ? params.table[row * params.num_offsets + k] : -1;
  const unsigned votes = __ballot_sync(kFullWarp, source >= 0);
  if (lane == 0) pairs.warp_counts[warp] = __popc(votes);
  __syncthreads();
  int before = __popc(votes & ((1u << lane) - 1u));
  int total = 0;
  for (int w = 0; w < kBlockWarps; ++w) {
    if (w < warp) before += pairs.warp_counts[w];
    total += pairs.warp_counts[w];
  }
  if (source >= 0) {
    pairs.source[before] = source;
    pairs.target[before] = static_cast<int32_t>(row);
  }
  __syncthreads();
  return total;
}

/// Channels first_channel … of 16 listed rows; zero beyond the list and beyond the channels.
template <class Scalar, int kSide>
__device__ void load_panel(const Scalar* values, int64_t channels, int64_t first_channel, const int32_t* rows,
                           int num_rows, Accumulator<Scalar> (&panel)[kDepth][kSide]) {
#pragma unroll
  for (int entry = threadIdx.x; entry < kDepth * kSide; entry += kBlockThreads) {
    const int d = entry / kSide;
    const int64_t channel = first_channel + entry % kSide;
    const bool present = d < num_rows && channel < channels;
    panel[d][entry % kSide] = present ? widen(values[rows[d] * channels + channel]) : 0;
  }
}

template <class Scalar, int kSide>
__global__ void __launch_bounds__(kBlockThreads)
    sum_pairs(ConvolutionGradWeightParams params, Split split, Accumulator<Scalar>* partials) {
  using Sum = Accumulator<Scalar>;
  constexpr int kThreadSide = kSide / kSideThreads;
  alignas(32) __shared__ Sum input[kDepth][kSide];
  alignas(32) __shared__ Sum grad[kDepth][kSide];
  __shared__ PairList pairs;
  const int64_t tile = blockIdx.x % (split.tiles_in * split.tiles_out);
  const int k = static_cast<int>(blockIdx.x / (split.tiles_in * split.tiles_out));
  const int64_t first_in = tile / split.tiles_out * kSide;
  const int64_t first_out = tile % split.tiles_out * kSide;
  const int thread_in = threadIdx.x / kSideThreads * kThreadSide;
  const int thread_out = threadIdx.x % kSideThreads * kThreadSide;
  const int64_t begin = blockIdx.y * split.rows_per_range;
  const int64_t end = min(begin + split.rows_per_range, params.num_target);
  Sum sums[kThreadSide][kThreadSide] = {};
  for (int64_t row = begin; row < end; row += kBlockThreads) {
    const int num_pairs = list_pairs(params, k, row, end, pairs);
    for (int p = 0; p < num_pairs; p += kDepth) {
      load_panel<Scalar, kSide>(static_cast<const Scalar*>(params.features), params.in_channels, first_in,
                                pairs.source + p, num_pairs - p, input);
      load_panel<Scalar, kSide>(static_cast<const Scalar*>(params.grad), params.out_channels, first_out,
                                pairs.target + p, num_pairs - p, grad);
      __syncthreads();
      add_product(&input[0][thread_in], kSide, &grad[0][thread_out], kSide, sums);
      __syncthreads();
    }
  }
  Sum* const output =
      partials + (static_cast<int64_t>(blockIdx.y) * params.num_offsets + k) * params.in_channels * params.out_channels;
#pragma unroll
  for (int i = 0; i < kThreadSide; ++i) {
#pragma unroll
    for (int j = 0; j < kThreadSide; ++j) {
      const int64_t in = first_in + thread_in + i;
      const int64_t out = first_out + thread_out + j;
      if (in < params.in_channels && out < params.out_channels) output[in * params.out_channels + out] = sums[i][j];
    }
  }
}

template <class Sum>
__global__ void __launch_bounds__(kBlockThreads)
    add_partials(const Sum* partials, int64_t num_ranges, int64_t num_weights, Sum* grad_weight) {
  const int64_t weight = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  if (weight >= num_weights) return;
  Sum sum = 0;
  for (int64_t range = 0; range < num_ranges; ++range) sum += partials[range * num_weights + weight];
  grad_weight[weight] = sum;
}

template <class Scalar, int kSide>
void launch_sum_pairs(const ConvolutionGradWeightParams& params, const Split& split, void* partials, void* stream) {
  launch(sum_pairs<Scalar, kSide>, params.num_offsets * split.tiles_in * split.tiles_out, split.num_ranges,
         dim3(kBlockThreads), stream, params, split, static_cast<Accumulator<Scalar>*>(partials));
}

}  // namespace

int64_t convolution_grad_weight_workspace_bytes(const ConvolutionGradWeightParams& params) {
  const int64_t sum_bytes = params.dtype == DType::float64 ? 8 : 4;
  const int64_t num_ranges = split_of(params).num_ranges;
  return num_ranges > 1 ? num_ranges * num_weights(params) * sum_bytes : 0;
}

Status convolution_grad_weight(const ConvolutionGradWeightParams& params, void* stream) {
  const Split split = split_of(params);
  void* const partials = split.num_ranges > 1 ? params.workspace : params.grad_weight;
  with_scalar(params.dtype, [&](auto tag) {
    using Scalar = typename decltype(tag)::type;
    using Sum = Accumulator<Scalar>;
    if (split.side == 64) {
      launch_sum_pairs<Scalar, 64>(params, split, partials, stream);
    } else if (split.side == 32) {
      launch_sum_pairs<Scalar, 32>(params, split, partials, stream);
    } else {
      launch_sum_pairs<Scalar, 16>(params, split, partials, stream);
    }
    if (split.num_ranges > 1) {
      launch_items(add_partials<Sum>, num_weights(params), stream, static_cast<const Sum*>(partials), split.num_ranges,
                   num_weights(params), static_cast<Sum*>(params.grad_weight));
    }
  });
  return last_status();
}

}  // namespace completion::cuda
