// convolution_grad_weight: a block owns one tile of one offset's gradient and one range of rows. It lists the pairs of
// the range in row order and sums over them, on tensor cores where they take type and sizes, else in plain arithmetic;
// the ranges' partial sums are added in the order of the ranges. Few input channels have a kernel of their own.
#include "completion/convolution.h"
#include "convolution_narrow.cuh"
#include "grad_weight_tensor_core.cuh"
#include "launch.cuh"
#include "pair_list.cuh"
#include "product_tile.cuh"
#include "scalar.cuh"

namespace completion::cuda {

namespace {

constexpr int64_t kLeastLists = 2;       // of 256 rows in a range, so that a partial sum costs less than what it sums
constexpr int64_t kTargetBlocks = 2048;  // blocks worth of ranges: enough for every GPU, bounds the workspace
constexpr int kSideThreads = 16;

/// How the work is cut.
struct Split {
  int side;           // width and height of a gradient tile
  int64_t tiles_in;   // tiles along Cin
  int64_t tiles_out;  // tiles along Cout
  Ranges ranges;
};

Split split_of(const ConvolutionGradWeightParams& params) {
  Split split = {};
  const int64_t widest = params.in_channels > params.out_channels ? params.in_channels : params.out_channels;
  split.side = widest > 32 ? 64 : widest > 16 ? 32 : 16;
  split.tiles_in = ceil_div(params.in_channels, split.side);
  split.tiles_out = ceil_div(params.out_channels, split.side);
  const int64_t tiles = split.tiles_in * split.tiles_out * params.num_offsets;
  split.ranges = cut_into_ranges(shorter_side(params).num_rows, kBlockThreads, tiles, kTargetBlocks, kLeastLists);
  return split;
}

int64_t num_weights(const ConvolutionGradWeightParams& params) {
  return params.num_offsets * params.in_channels * params.out_channels;
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
    sum_pairs(ConvolutionGradWeightParams params, Split split, PairSide side, Accumulator<Scalar>* partials) {
  using Sum = Accumulator<Scalar>;
  constexpr int kThreadSide = kSide / kSideThreads;
  alignas(32) __shared__ Sum input[kDepth][kSide];
  alignas(32) __shared__ Sum grad[kDepth][kSide];
  __shared__ PairList<kBlockThreads> pairs;
  const int64_t tile = blockIdx.x % (split.tiles_in * split.tiles_out);
  const int k = static_cast<int>(blockIdx.x / (split.tiles_in * split.tiles_out));
  const int64_t first_in = tile / split.tiles_out * kSide;
  const int64_t first_out = tile % split.tiles_out * kSide;
  const int thread_in = threadIdx.x / kSideThreads * kThreadSide;
  const int thread_out = threadIdx.x % kSideThreads * kThreadSide;
  const int64_t begin = blockIdx.y * split.ranges.rows_per_range;
  const int64_t end = min(begin + split.ranges.rows_per_range, side.num_rows);
  Sum sums[kThreadSide][kThreadSide] = {};
  for (int64_t row = begin; row < end; row += kBlockThreads) {
    const int num_pairs = list_pairs<kBlockThreads, kBlockThreads>(side, k, row, end, pairs);
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
#pragma unroll 8  // the sum is one after the other, the loads need not wait for it
  for (int64_t range = 0; range < num_ranges; ++range) sum += partials[range * num_weights + weight];
  grad_weight[weight] = sum;
}

template <class Scalar, int kSide>
void launch_sum_pairs(const ConvolutionGradWeightParams& params, const Split& split, void* partials, void* stream) {
  launch(sum_pairs<Scalar, kSide>, params.num_offsets * split.tiles_in * split.tiles_out, split.ranges.count,
         dim3(kBlockThreads), stream, params, split, shorter_side(params), static_cast<Accumulator<Scalar>*>(partials));
}

void sum_in_plain_arithmetic(const ConvolutionGradWeightParams& params, void* partials, void* stream) {
  const Split split = split_of(params);
  with_scalar(params.dtype, [&](auto tag) {
    using Scalar = typename decltype(tag)::type;
    if (split.side == 64) {
      launch_sum_pairs<Scalar, 64>(params, split, partials, stream);
    } else if (split.side == 32) {
      launch_sum_pairs<Scalar, 32>(params, split, partials, stream);
    } else {
      launch_sum_pairs<Scalar, 16>(params, split, partials, stream);
    }
  });
}

int64_t num_ranges(const ConvolutionGradWeightParams& params) {
  if (takes_tensor_cores(params)) return tensor_core_ranges(params);
  return is_narrow(params) ? narrow_ranges(params) : split_of(params).ranges.count;
}

/// Whether lists are made from entries that lie by offsets: along the rows of one offset a line then holds 32 entries,
/// where the lines of [rows, K] hold one. Few rows are not worth a kernel.
bool transposes_side(const ConvolutionGradWeightParams& params) {
  constexpr int64_t kManyRows = 2048;
  return takes_tensor_cores(params) && params.num_offsets > 1 && shorter_side(params).num_rows >= kManyRows;
}

struct Layout {
  void* partials;       // [ranges, K, Cin, Cout] where there is more than one range
  int32_t* transposed;  // [K, rows]
  int64_t bytes;
};

Layout lay_out(const ConvolutionGradWeightParams& params, void* base) {
  Workspace workspace(base);
  Layout layout = {};
  const int64_t sum_bytes = params.dtype == DType::float64 ? 8 : 4;
  const int64_t count = num_ranges(params);
  if (count > 1) layout.partials = workspace.take<char>(count * num_weights(params) * sum_bytes);
  if (transposes_side(params)) {
    layout.transposed = workspace.take<int32_t>(shorter_side(params).num_rows * params.num_offsets);
  }
  layout.bytes = workspace.bytes();
  return layout;
}

constexpr int kSquare = 32;

/// transposed[k, row] = entries[row, k], by squares that pass through shared memory.
__global__ void __launch_bounds__(kBlockThreads) transpose_side(PairSide side, int num_offsets, int32_t* transposed) {
  __shared__ int32_t square[kSquare][kSquare + 1];
  const int64_t first_row = static_cast<int64_t>(blockIdx.x) * kSquare;
  const int first_offset = static_cast<int>(blockIdx.y) * kSquare;
  const int along = threadIdx.x % kSquare;
  const int first = threadIdx.x / kSquare;
  for (int r = first; r < kSquare; r += kBlockThreads / kSquare) {
    const bool inside = first_row + r < side.num_rows && first_offset + along < num_offsets;
    if (inside) square[r][along] = side.entries[(first_row + r) * num_offsets + first_offset + along];
  }
  __syncthreads();
  for (int k = first; k < kSquare; k += kBlockThreads / kSquare) {
    const bool inside = first_row + along < side.num_rows && first_offset + k < num_offsets;
    if (inside) transposed[(first_offset + k) * side.num_rows + first_row + along] = square[along][k];
  }
}

/// The shorter side, by offsets where lists are made from it.
PairSide side_of(const ConvolutionGradWeightParams& params, int32_t* transposed, void* stream) {
  PairSide side = shorter_side(params);
  if (transposed == nullptr) return side;
  launch(transpose_side, ceil_div(side.num_rows, kSquare), ceil_div(params.num_offsets, kSquare), dim3(kBlockThreads),
         stream, side, params.num_offsets, transposed);
  side.entries = transposed;
  side.row_stride = 1;
  side.offset_stride = side.num_rows;
  return side;
}

template <class Sum>
void launch_add_partials(const ConvolutionGradWeightParams& params, const void* partials, void* stream) {
  launch_items(add_partials<Sum>, num_weights(params), stream, static_cast<const Sum*>(partials), num_ranges(params),
               num_weights(params), static_cast<Sum*>(params.grad_weight));
}

}  // namespace

int64_t convolution_grad_weight_workspace_bytes(const ConvolutionGradWeightParams& params) {
  return lay_out(params, nullptr).bytes;
}

Status convolution_grad_weight(const ConvolutionGradWeightParams& params, void* stream) {
  const Layout layout = lay_out(params, params.workspace);
  const bool one_range = num_ranges(params) == 1;
  void* const partials = one_range ? params.grad_weight : layout.partials;
  if (takes_tensor_cores(params)) {
    sum_pairs_on_tensor_cores(params, side_of(params, layout.transposed, stream), partials, stream);
  } else if (is_narrow(params)) {
    sum_narrow(params, partials, stream);
  } else {
    sum_in_plain_arithmetic(params, partials, stream);
  }
  if (one_range) return last_status();
  if (params.dtype == DType::float64) {
    launch_add_partials<double>(params, partials, stream);
  } else {
    launch_add_partials<float>(params, partials, stream);
  }
  return last_status();
}

}  // namespace completion::cuda
