// The weight gradient by products of warpgroups, for wide features in half types on architecture 90: lists, ranges and
// sums are those of grad_weight_tensor_core.cu; a stage of pairs is multiplied where it lies, while the next arrive.
#include "grad_weight_tensor_core.cuh"
#include "row_copies.cuh"
#include "warpgroup.cuh"

namespace completion::cuda {

namespace {

template <class Scalar_, int kOut_>
struct GradWarpgroupTile {
  using Scalar = Scalar_;
  static constexpr int kIn = kGradWarpgroupRows, kOut = kOut_;  // channels of the tile
  static constexpr int kThreads = kIn / kWarpgroupRows * kWarpgroupThreads;
  static constexpr int kSize = sizeof(Scalar);
  static constexpr int kDepth = 64;  // pairs of a stage
  static constexpr int kStages = kOut > 128 ? 4 : 3;
  static constexpr int kBlocks = kOut > 128 ? 1 : 2;     // that must fit on a multiprocessor
  static constexpr int kPending = kBlocks == 1 ? 1 : 0;  // groups of products that go on, see convolve_warpgroups
  static constexpr int kAhead = kStages - 1 - kPending;
  using InputLayout = LinePanelLayout<kIn * kSize, kDepth>;
  using GradLayout = LinePanelLayout<kOut * kSize, kDepth>;
  template <int kChannels, class Layout>
  using CopiesOf = RowCopies<kDepth, kChannels * kSize / kPackBytes, kThreads, Layout>;

  struct Stage {
    alignas(InputLayout::kAlignment) char input[kDepth * kIn * kSize];
    alignas(GradLayout::kAlignment) char grad[kDepth * kOut * kSize];
  };
  struct Shared {
    Stage stages[kStages];
    PairList<kListRows> pairs;
  };
};

template <class Tile>
using GradSums = float[1][Tile::kOut / kFragmentColumns][4];

/// What a thread copies and what its warpgroup multiplies, by where it begins in the first stage.
template <class Tile>
struct GradOperands {
  typename Tile::template CopiesOf<Tile::kIn, typename Tile::InputLayout> input;
  typename Tile::template CopiesOf<Tile::kOut, typename Tile::GradLayout> grad;
  SharedMatrix left, right;

  __device__ GradOperands(const ConvolutionGradWeightParams& params, int first_in, int first_out, int group_in,
                          const typename Tile::Stage& stage)
      : input(params.features, static_cast<int>(params.in_channels) * Tile::kSize, first_in * Tile::kSize, stage.input),
        grad(params.grad, static_cast<int>(params.out_channels) * Tile::kSize, first_out * Tile::kSize, stage.grad),
        left(matrix_at(shared_address(stage.input) + Tile::InputLayout::place(0, group_in * Tile::kSize),
                       Tile::InputLayout::kPanelBytes)),
        right(matrix_at(shared_address(stage.grad), Tile::GradLayout::kPanelBytes)) {}

  /// Begins to multiply all pairs of a stage.
  __device__ __forceinline__ void multiply(int stage, GradSums<Tile>& sums) const {
#pragma unroll
    for (int depth = 0; depth < Tile::kDepth; depth += kWarpgroupDepth) {
      const int place = stage + depth * kLineBytes;
      multiply_warpgroup<true, true>(typename Tile::Scalar{}, advanced(left, place), advanced(right, place), sums);
    }
  }
};

/// Adds the products of a list's pairs to the sums.
template <class Tile>
__device__ void sum_list(const GradOperands<Tile>& operands, int num_pairs, const PairList<kListRows>& pairs,
                         GradSums<Tile>& sums) {
  constexpr int kStageBytes = sizeof(typename Tile::Stage);
  constexpr int kAhead = Tile::kAhead;
  const auto load = [&](int pair, unsigned stage) {
    if (pair < num_pairs) {
      int32_t sources[decltype(operands.input)::kCount], targets[decltype(operands.grad)::kCount];
      operands.input.read(pairs.source + pair, sources);
      operands.grad.read(pairs.target + pair, targets);
      operands.input.load(sources, 0, stage * kStageBytes);
      operands.grad.load(targets, 0, stage * kStageBytes);
    }
    commit_copies();
  };
  for (int i = 0; i < kAhead; ++i) load(i * Tile::kDepth, i);
  unsigned stage = 0;
  for (int pair = 0; pair < num_pairs; pair += Tile::kDepth) {
    wait_for_copies<kAhead - 1>();
    show_to_products();
    wait_for_products<Tile::kPending>();
    __syncthreads();  // the stage has arrived for all, and all are done with the one that is filled next
    begin_products();
    operands.multiply(stage * kStageBytes, sums);
    commit_products();
    load(pair + kAhead * Tile::kDepth, (stage + kAhead) % Tile::kStages);
    stage = (stage + 1) % Tile::kStages;
  }
  wait_for_copies<0>();
  wait_for_products<0>();
  __syncthreads();
}

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    sum_pairs_warpgroups(ConvolutionGradWeightParams params, PairSide side, Ranges ranges, float* partials) {
  typename Tile::Shared& shared = dynamic_shared<typename Tile::Shared>();
  const int64_t tiles_out = ceil_div(params.out_channels, Tile::kOut);
  const int64_t tiles = tiles_out * ceil_div(params.in_channels, Tile::kIn);
  const int64_t tile = blockIdx.x % tiles;
  const int k = static_cast<int>(blockIdx.x / tiles);
  const int64_t first_in = tile / tiles_out * Tile::kIn;
  const int64_t first_out = tile % tiles_out * Tile::kOut;
  const int group_in = kept(static_cast<int>(threadIdx.x) / kWarpgroupThreads * kWarpgroupRows);
  const int64_t begin = blockIdx.y * ranges.rows_per_range;
  const int64_t end = min(begin + ranges.rows_per_range, side.num_rows);
  const GradOperands<Tile> operands(params, static_cast<int>(first_in), static_cast<int>(first_out), group_in,
                                    *shared.stages);
  GradSums<Tile> sums = {};
  for (int64_t row = begin; row < end; row += kListRows) {
    const int num_pairs = list_pairs<kListRows, Tile::kThreads>(side, k, row, end, shared.pairs);
    pad_list<Tile::kDepth>(num_pairs, shared.pairs);
    sum_list<Tile>(operands, num_pairs, shared.pairs, sums);
  }
  settle(sums);
  const int warp_in = static_cast<int>(threadIdx.x) / kWarpThreads * kFragmentRows;
  store_grad(params, k, first_in + warp_in, first_out, sums, partials);
}

template <class Scalar, int kOut>
void launch_warpgroups(const ConvolutionGradWeightParams& params, const PairSide& side, const Ranges& ranges,
                       void* partials, void* stream) {
  using Tile = GradWarpgroupTile<Scalar, kOut>;
  const int64_t tiles = ceil_div(params.in_channels, Tile::kIn) * ceil_div(params.out_channels, kOut);
  static_assert(kBlocksFit<typename Tile::Shared, Tile::kBlocks>);
  launch_shared(sum_pairs_warpgroups<Tile>, params.num_offsets * tiles, ranges.count, dim3(Tile::kThreads),
                {sizeof(typename Tile::Shared), sizeof(typename Tile::Shared)}, stream, params, side, ranges,
                static_cast<float*>(partials));
}

template <class Scalar>
void choose_columns(const ConvolutionGradWeightParams& params, const PairSide& side, const Ranges& ranges,
                    void* partials, void* stream) {
  if (grad_warpgroup_columns(params) == 256) {
    launch_warpgroups<Scalar, 256>(params, side, ranges, partials, stream);
  } else {
    launch_warpgroups<Scalar, 128>(params, side, ranges, partials, stream);
  }
}

}  // namespace

bool takes_grad_warpgroups(const ConvolutionGradWeightParams& params) {
  const bool half_type = params.dtype == DType::float16 || params.dtype == DType::bfloat16;
  return half_type && params.in_channels > 64 && params.out_channels > 64 && has_warpgroups();
}

void sum_pairs_by_warpgroups(const ConvolutionGradWeightParams& params, const PairSide& side, const Ranges& ranges,
                             void* partials, void* stream) {
  if (params.dtype == DType::bfloat16) {
    choose_columns<BFloat16>(params, side, ranges, partials, stream);
  } else {
    choose_columns<Float16>(params, side, ranges, partials, stream);
  }
}

}  // namespace completion::cuda
