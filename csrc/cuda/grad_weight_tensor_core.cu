// The weight gradient on tensor cores: a block owns a square tile of one offset's gradient and one range of rows. It
// lists the range's pairs and sums over them, a stage of pairs at a time gathered by asynchronous copies.
#include "grad_weight_tensor_core.cuh"
#include "pair_list.cuh"
#include "panel.cuh"
#include "row_copies.cuh"
#include "tensor_core.cuh"

namespace completion::cuda {

namespace {

constexpr int kGradStages = 4;

template <class Scalar_, int kSide_>
struct GradWeightTile {
  using Scalar = Scalar_;
  static constexpr int kSide = kSide_;
  static constexpr int kThreads = 128;
  static constexpr int kWarpSide = kSide / 2;  // of a warp's part: two by two warps
  static constexpr int kSize = sizeof(Scalar);
  static constexpr int kPack = kPackBytes / kSize;
  static constexpr int kStepDepth = kStepBytes / kSize;  // pairs of one multiply-add
  static constexpr int kSteps = 2;
  static constexpr int kDepth = kSteps * kStepDepth;  // pairs of a stage

  using Layout = PanelLayout<kSide * kSize, gap_of<Scalar>(true)>;
  using Left = LeftTransposedOperand<Scalar, Layout>;
  using Right = RightOperand<Scalar, Layout>;
  static constexpr bool kByL1 = kSide == 64 && kSize == 2;  // measured: 13 % faster, other tiles slower
  using Copies = RowCopies<kDepth, kSide / kPack, kThreads, Layout, kByL1>;

  struct Stage {
    alignas(16) char input[kDepth * Layout::kPitch];
    alignas(16) char grad[kDepth * Layout::kPitch];
  };
  struct Shared {
    Stage stages[kGradStages];
    PairList<kListRows> pairs;
  };
};

template <class Tile>
using GradSums = float[Tile::kWarpSide / kFragmentRows][Tile::kWarpSide / kFragmentColumns][4];

/// What a thread copies and what its lane multiplies, by where it begins in the first stage.
template <class Tile>
struct GradOperands {
  typename Tile::Copies input, grad;
  SharedAddress left, right;

  __device__ GradOperands(const ConvolutionGradWeightParams& params, int first_in, int first_out, int warp_in,
                          int warp_out, const typename Tile::Stage& stage)
      : input(params.features, static_cast<int>(params.in_channels) * Tile::kSize, first_in * Tile::kSize, stage.input),
        grad(params.grad, static_cast<int>(params.out_channels) * Tile::kSize, first_out * Tile::kSize, stage.grad) {
    const int lane = threadIdx.x % kWarpThreads;
    left = kept(shared_address(stage.input) + warp_in * Tile::kSize + Tile::Left::place(lane));
    right = kept(shared_address(stage.grad) + warp_out * Tile::kSize + Tile::Right::place(lane));
  }
};

/// All fragments of a stage are asked for before the first is used, so that their latencies overlap.
template <class Tile>
__device__ __forceinline__ void multiply_grad_stage(const GradOperands<Tile>& operands, int stage,
                                                    GradSums<Tile>& sums) {
  constexpr int kLeft = Tile::kWarpSide / kFragmentRows;
  constexpr int kRight = Tile::kWarpSide / kFragmentColumns;
  uint32_t left[Tile::kSteps][kLeft][4];
  uint32_t right[Tile::kSteps][kRight][2];
#pragma unroll
  for (int step = 0; step < Tile::kSteps; ++step) {
    const int depth = step * Tile::kStepDepth;
#pragma unroll
    for (int i = 0; i < kLeft; ++i) {
      Tile::Left::load(operands.left + stage, depth, i * kFragmentRows * Tile::kSize, left[step][i]);
    }
#pragma unroll
    for (int j = 0; j < kRight; j += 2) {
      const int column = j * kFragmentColumns * Tile::kSize;
      Tile::Right::load(operands.right + stage, depth, column, right[step][j], right[step][j + 1]);
    }
  }
#pragma unroll
  for (int step = 0; step < Tile::kSteps; ++step) {
    multiply_step<typename Tile::Scalar>(left[step], right[step], sums);
  }
}

/// Adds the products of a list's pairs to the sums.
template <class Tile>
__device__ void sum_list(const GradOperands<Tile>& operands, int num_pairs, const PairList<kListRows>& pairs,
                         GradSums<Tile>& sums) {
  constexpr int kStageBytes = sizeof(typename Tile::Stage);
  const auto load = [&](int pair, unsigned stage) {
    if (pair < num_pairs) {
      int32_t sources[Tile::Copies::kCount], targets[Tile::Copies::kCount];
      operands.input.read(pairs.source + pair, sources);
      operands.grad.read(pairs.target + pair, targets);
      operands.input.load(sources, 0, stage * kStageBytes);
      operands.grad.load(targets, 0, stage * kStageBytes);
    }
    commit_copies();
  };
  for (int i = 0; i < kGradStages - 1; ++i) load(i * Tile::kDepth, i);
  unsigned stage = 0;
  for (int pair = 0; pair < num_pairs; pair += Tile::kDepth) {
    wait_for_copies<kGradStages - 2>();
    __syncthreads();  // the stage has arrived for all, and all are done with the one that is filled next
    load(pair + (kGradStages - 1) * Tile::kDepth, (stage + kGradStages - 1) % kGradStages);
    multiply_grad_stage<Tile>(operands, stage * kStageBytes, sums);
    stage = (stage + 1) % kGradStages;
  }
  wait_for_copies<0>();
  __syncthreads();
}

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads)
    sum_pairs_tile(ConvolutionGradWeightParams params, PairSide side, Ranges ranges, float* partials) {
  typename Tile::Shared& shared = dynamic_shared<typename Tile::Shared>();
  const int64_t tiles_out = ceil_div(params.out_channels, Tile::kSide);
  const int64_t tiles = tiles_out * ceil_div(params.in_channels, Tile::kSide);
  const int64_t tile = blockIdx.x % tiles;
  const int k = static_cast<int>(blockIdx.x / tiles);
  const int64_t first_in = tile / tiles_out * Tile::kSide;
  const int64_t first_out = tile % tiles_out * Tile::kSide;
  const int warp = threadIdx.x / kWarpThreads;
  const int warp_in = warp / 2 * Tile::kWarpSide;
  const int warp_out = warp % 2 * Tile::kWarpSide;
  const int64_t begin = blockIdx.y * ranges.rows_per_range;
  const int64_t end = min(begin + ranges.rows_per_range, side.num_rows);
  const GradOperands<Tile> operands(params, static_cast<int>(first_in), static_cast<int>(first_out), warp_in, warp_out,
                                    *shared.stages);
  GradSums<Tile> sums = {};
  for (int64_t row = begin; row < end; row += kListRows) {
    const int num_pairs = list_pairs<kListRows, Tile::kThreads>(side, k, row, end, shared.pairs);
    pad_list<Tile::kDepth>(num_pairs, shared.pairs);
    sum_list<Tile>(operands, num_pairs, shared.pairs, sums);
  }
  store_grad(params, k, first_in + warp_in, first_out + warp_out, sums, partials);
}

int grad_tile_side(const ConvolutionGradWeightParams& params) {
  const int64_t widest = params.in_channels > params.out_channels ? params.in_channels : params.out_channels;
  const bool in_parts = params.dtype == DType::float32 && !params.allow_tf32;  // needs the registers of the widest tile
  return widest > 64 && !in_parts ? 128 : widest > 32 ? 64 : 32;
}

int64_t tiles_of(const ConvolutionGradWeightParams& params) {
  const bool warpgroups = takes_grad_warpgroups(params);
  const int rows = warpgroups ? kGradWarpgroupRows : grad_tile_side(params);
  const int columns = warpgroups ? grad_warpgroup_columns(params) : grad_tile_side(params);
  return ceil_div(params.in_channels, rows) * ceil_div(params.out_channels, columns);
}

Ranges ranges_of(const ConvolutionGradWeightParams& params) {
  constexpr int64_t kTargetBlocks = 2048;  // enough for every GPU; bounds the workspace
  const int64_t blocks = tiles_of(params) * params.num_offsets;
  return cut_into_ranges(shorter_side(params).num_rows, kListRows, blocks, kTargetBlocks, 1);
}

template <class Scalar, int kSide>
void launch_grad_tile(const ConvolutionGradWeightParams& params, const PairSide& side, void* partials, void* stream) {
  using Tile = GradWeightTile<Scalar, kSide>;
  const Ranges ranges = ranges_of(params);
  launch_shared(sum_pairs_tile<Tile>, params.num_offsets * tiles_of(params), ranges.count, dim3(Tile::kThreads),
                {sizeof(typename Tile::Shared), sizeof(typename Tile::Shared)}, stream, params, side, ranges,
                static_cast<float*>(partials));
}

}  // namespace

int64_t tensor_core_ranges(const ConvolutionGradWeightParams& params) { return ranges_of(params).count; }

bool takes_tensor_cores(const ConvolutionGradWeightParams& params) {
  constexpr int64_t kMost = int64_t{1} << 28;  // so that bytes of a row are 32-bit numbers
  return params.in_channels < kMost && params.out_channels < kMost &&
         in_packs(params.dtype, params.in_channels, params.features) &&
         in_packs(params.dtype, params.out_channels, params.grad);
}

void sum_pairs_on_tensor_cores(const ConvolutionGradWeightParams& params, const PairSide& side, void* partials,
                               void* stream) {
  if (takes_grad_warpgroups(params)) return sum_pairs_by_warpgroups(params, side, ranges_of(params), partials, stream);
  with_product_type(params.dtype, params.allow_tf32, [&](auto tag) {
    using Scalar = typename decltype(tag)::type;
    const int tile_side = grad_tile_side(params);
    if constexpr (!kInParts<Scalar>) {
      if (tile_side == 128) return launch_grad_tile<Scalar, 128>(params, side, partials, stream);
    }
    if (tile_side == 64) {
      launch_grad_tile<Scalar, 64>(params, side, partials, stream);
    } else {
      launch_grad_tile<Scalar, 32>(params, side, partials, stream);
    }
  });
}

}  // namespace completion::cuda
