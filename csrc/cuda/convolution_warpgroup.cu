// The convolution by products of warpgroups, for wide features in half types on architecture 90: the tile's rows and
// the weight are gathered as in convolution_tensor_core.cu, and multiplied where they lie, one stage while the next
// arrive.
#include "convolution_tensor_core.cuh"
#include "convolution_tile.cuh"
#include "warpgroup.cuh"

namespace completion::cuda {

namespace {

constexpr int kLeastChannels = 64;  // of the input: a stage holds so many

template <class Scalar, int kColumns, bool kTransposed, bool kPaired>
using WarpgroupTile = ConvolutionTile<Scalar, 128, kColumns, 16, kColumns, kTransposed, kPaired, true>;

/// A warpgroup's rows and all columns, in the first stage.
template <class Tile>
struct Matrices {
  // Bytes from a product's part of a panel to that of the next.
  static constexpr int kLeftStep = kStepBytes;
  static constexpr int kRightStep = Tile::kTransposed ? kStepBytes : kWarpgroupDepth * kLineBytes;
  SharedMatrix left, right;

  __device__ Matrices(const typename Tile::Stage& stage, int first_row)
      : left(matrix_at(shared_address(stage.input) + Tile::InputLayout::place(first_row, 0), kLineBytes)),
        right(matrix_at(shared_address(stage.weight), Tile::WeightLayout::kPanelBytes)) {}

  /// Begins to multiply all of a stage.
  __device__ __forceinline__ void multiply(int stage, Sums<Tile>& sums) const {
#pragma unroll
    for (int step = 0; step < Tile::kDepth / kWarpgroupDepth; ++step) {
      multiply_warpgroup<false, !Tile::kTransposed>(typename Tile::Scalar{}, advanced(left, stage + step * kLeftStep),
                                                    advanced(right, stage + step * kRightStep), sums);
    }
  }
};

/// Where a block is alone on a multiprocessor its products follow one another without a break: those of a stage may go
/// on while the next is asked for. Where there are two, one multiplies while the other waits, and a stage more is
/// ahead.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    convolve_warpgroups(const __grid_constant__ ConvolutionParams params) {
  typename Tile::Shared& shared = dynamic_shared<typename Tile::Shared>();
  constexpr int kPending = Tile::kBlocks == 1 ? 1 : 0;  // groups of products that go on
  constexpr int kAhead = Tile::kStages - 1 - kPending;
  constexpr int kStageBytes = sizeof(typename Tile::Stage);
  const auto [first_row, first_column] = corner_of<Tile>(params);
  const int in_channels = static_cast<int>(params.in_channels);
  const int warp_row = static_cast<int>(threadIdx.x) / kWarpThreads * Tile::kWarpRows;
  const int group_row = kept(static_cast<int>(threadIdx.x) / kWarpgroupThreads * kWarpgroupRows);
  typename Tile::Stage* const stages = shared.panels.stages;
  const typename Tile::Copies rows(params.features, in_channels * Tile::kSize, 0, stages->input);
  const WeightCopies<Tile> weight(params, first_column, stages->weight);
  const Matrices<Tile> matrices(*stages, group_row);
  Sums<Tile> sums = {};
  if constexpr (!Tile::kPaired) load_targets<Tile>(params, first_row, shared);
  for (int first_offset = 0; first_offset < params.num_offsets; first_offset += Tile::kGroup) {
    const int count = min(Tile::kGroup, params.num_offsets - first_offset);
    const int num_visits = load_entries<Tile>(params, first_row, first_offset, count, shared);
    Cursor load = {0, 0}, use = {0, 0};
    const auto begin_stage = [&](unsigned stage) {
      if (load.visit < num_visits) {
        load_stage<Tile>(params, rows, weight, shared, first_offset, load, stage * kStageBytes);
        load.advance(Tile::kDepth, in_channels);
      }
      commit_copies();
    };
    for (unsigned stage = 0; stage < kAhead; ++stage) begin_stage(stage);
    unsigned stage = 0;
    while (use.visit < num_visits) {
      wait_for_copies<kAhead - 1>();
      show_to_products();
      wait_for_products<kPending>();
      __syncthreads();  // the stage has arrived for all, and all are done with the one that is filled next
      begin_products();
      matrices.multiply(stage * kStageBytes, sums);
      commit_products();
      begin_stage((stage + kAhead) % Tile::kStages);
      use.advance(Tile::kDepth, in_channels);
      stage = (stage + 1) % Tile::kStages;
    }
    wait_for_copies<0>();
    wait_for_products<0>();
    __syncthreads();
  }
  settle(sums);
  store_tile<Tile>(params, sums, warp_row, 0, first_column, shared);
}

template <class Tile>
void launch_warpgroups(const ConvolutionParams& params, void* stream) {
  static_assert(Tile::kPaired || kBlocksFit<typename Tile::Shared, Tile::kBlocks>, "pairs have fewer entries");
  launch_shared(convolve_warpgroups<Tile>, num_tiles<Tile>(params), 1, dim3(Tile::kThreads), shared_bytes<Tile>(params),
                stream, params);
}

template <class Scalar, bool kTransposed, bool kPaired>
void choose_columns(const ConvolutionParams& params, void* stream) {
  if constexpr (!kPaired) {
    if (params.out_channels <= 64) {
      return launch_warpgroups<WarpgroupTile<Scalar, 64, kTransposed, kPaired>>(params, stream);
    }
  }
  if ((params.out_channels - 1) % 256 >= 128) {  // the last tile of 256 has use for most of them
    launch_warpgroups<WarpgroupTile<Scalar, 256, kTransposed, kPaired>>(params, stream);
  } else {
    launch_warpgroups<WarpgroupTile<Scalar, 128, kTransposed, kPaired>>(params, stream);
  }
}

}  // namespace

bool takes_warpgroups(const ConvolutionParams& params) {
  const bool half_type = params.dtype == DType::float16 || params.dtype == DType::bfloat16;
  // Over pairs a tile walks few offsets: narrow ones gain nothing, measured, and lose the blocks beside them.
  const int64_t narrowest = params.pairs != nullptr ? 64 : 32;
  if (!half_type || params.in_channels < kLeastChannels || params.out_channels <= narrowest) return false;
  const int64_t tiles = ceil_div(params.num_target, 128) * ceil_div(params.out_channels, 128);
  return tiles >= 2 * num_multiprocessors() && has_warpgroups();
}

void convolve_by_warpgroups(const ConvolutionParams& params, void* stream) {
  with_layout(params, [&](auto transposed, auto paired) {
    if (params.dtype == DType::bfloat16) {
      choose_columns<BFloat16, decltype(transposed)::value, decltype(paired)::value>(params, stream);
    } else {
      choose_columns<Float16, decltype(transposed)::value, decltype(paired)::value>(params, stream);
    }
  });
}

}  // namespace completion::cuda
