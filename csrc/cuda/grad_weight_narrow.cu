// The weight gradient of few input channels: a block gathers 32 terms of its range's rows into shared memory and sums
// their products with 16 columns of the gradient, each thread those of one term and two columns, row by row.
#include "convolution_narrow.cuh"
#include "launch.cuh"
#include "pair_list.cuh"

namespace completion::cuda {

namespace {

constexpr int kTerms = kWarpThreads;  // a lane gathers each
constexpr int kColumns = 16;
constexpr int kThreadColumns = kTerms * kColumns / kBlockThreads;
constexpr int kRows = 64;               // in shared memory at a time
constexpr int64_t kLeastTiles = 4;      // of a range
constexpr int64_t kTargetBlocks = 400;  // enough for every GPU; partial sums of many ranges cost more than they gain

struct Cut {
  int64_t tiles_of_terms, tiles_of_columns;
  Ranges ranges;
};

Cut cut_of(const ConvolutionGradWeightParams& params) {
  Cut cut = {};
  cut.tiles_of_terms = ceil_div(params.num_offsets * params.in_channels, kTerms);
  cut.tiles_of_columns = ceil_div(params.out_channels, kColumns);
  const int64_t tiles = cut.tiles_of_terms * cut.tiles_of_columns;
  cut.ranges = cut_into_ranges(params.num_target, kRows, tiles, kTargetBlocks, kLeastTiles);
  return cut;
}

template <class Sum>
struct NarrowPanels {
  Sum input[kRows][kTerms];
  Sum grad[kRows][kColumns];
  unsigned present[kRows];  // a bit for each term that the row has: a gradient that is not finite reaches no other
};

/// Terms and columns of the rows from first_row on; those from end_row on have no terms. Ends with a barrier.
template <class Scalar, class Sum>
__device__ void load_rows(const ConvolutionGradWeightParams& params, int64_t first_row, int64_t end_row, int first_term,
                          int64_t first_column, NarrowPanels<Sum>& panels) {
  const Scalar* const features = static_cast<const Scalar*>(params.features);
  const Scalar* const grad = static_cast<const Scalar*>(params.grad);
  const int channels = static_cast<int>(params.in_channels);
  const int lane = threadIdx.x % kWarpThreads;
  const Term term = term_of(first_term + lane, channels);
#pragma unroll
  for (int r = threadIdx.x / kWarpThreads; r < kRows; r += kBlockWarps) {
    const int64_t row = first_row + r;
    const bool inside = row < end_row && term.offset < params.num_offsets;
    const int32_t source = inside ? params.table[row * params.num_offsets + term.offset] : -1;
    panels.input[r][lane] = value_of(features, source, channels, term);
    const unsigned present = __ballot_sync(kFullWarp, source >= 0);
    if (lane == 0) panels.present[r] = present;
  }
#pragma unroll
  for (int entry = threadIdx.x; entry < kRows * kColumns; entry += kBlockThreads) {
    const int64_t row = first_row + entry / kColumns, column = first_column + entry % kColumns;
    const bool inside = row < end_row && column < params.out_channels;
    panels.grad[entry / kColumns][entry % kColumns] = inside ? widen(grad[row * params.out_channels + column]) : 0;
  }
  __syncthreads();
}

template <class Scalar>
__global__ void __launch_bounds__(kBlockThreads)
    sum_terms(ConvolutionGradWeightParams params, Cut cut, Accumulator<Scalar>* partials) {
  using Sum = Accumulator<Scalar>;
  __shared__ NarrowPanels<Sum> panels;
  const int first_term = static_cast<int>(blockIdx.x / cut.tiles_of_columns) * kTerms;
  const int64_t first_column = blockIdx.x % cut.tiles_of_columns * kColumns;
  const int term = threadIdx.x / (kColumns / kThreadColumns);
  const int thread_column = threadIdx.x % (kColumns / kThreadColumns) * kThreadColumns;
  const int64_t begin = blockIdx.y * cut.ranges.rows_per_range;
  const int64_t end = min(begin + cut.ranges.rows_per_range, params.num_target);
  Sum sums[kThreadColumns] = {};
  for (int64_t row = begin; row < end; row += kRows) {
    load_rows<Scalar>(params, row, end, first_term, first_column, panels);
#pragma unroll 4
    for (int r = 0; r < kRows; ++r) {
      if ((panels.present[r] >> term & 1u) == 0) continue;
      const Sum value = panels.input[r][term];
#pragma unroll
      for (int j = 0; j < kThreadColumns; ++j) sums[j] += value * panels.grad[r][thread_column + j];
    }
    __syncthreads();
  }
  const int64_t num_terms = params.num_offsets * params.in_channels;
  if (first_term + term >= num_terms) return;
  Sum* const output = partials + (blockIdx.y * num_terms + first_term + term) * params.out_channels;
#pragma unroll
  for (int j = 0; j < kThreadColumns; ++j) {
    const int64_t column = first_column + thread_column + j;
    if (column < params.out_channels) output[column] = sums[j];
  }
}

}  // namespace

int64_t narrow_ranges(const ConvolutionGradWeightParams& params) { return cut_of(params).ranges.count; }

void sum_narrow(const ConvolutionGradWeightParams& params, void* partials, void* stream) {
  const Cut cut = cut_of(params);
  with_scalar(params.dtype, [&](auto tag) {
    using Scalar = typename decltype(tag)::type;
    launch(sum_terms<Scalar>, cut.tiles_of_terms * cut.tiles_of_columns, cut.ranges.count, dim3(kBlockThreads), stream,
           params, cut, static_cast<Accumulator<Scalar>*>(partials));
  });
}

}  // namespace completion::cuda
