// The convolution on tensor cores: a block owns a tile of output rows and channels and walks the offsets that any of
// its rows has, a cache line of input channels at a time, half a line in narrow tiles. Rows are gathered by
// asynchronous copies, one or three stages ahead; each output is written once: no atomics, one order of summation
// (offset, then channel) whatever the grid.
#include "convolution_tensor_core.cuh"
#include "convolution_tile.cuh"

namespace completion::cuda {

namespace {

/// Where a lane's part of the operands begins, in the first stage.
template <class Tile>
struct Operands {
  SharedAddress left, right;

  __device__ Operands(const typename Tile::Stage& stage, int warp_row, int warp_column) {
    using Input = typename Tile::InputLayout;
    using Weight = typename Tile::WeightLayout;
    const int lane = threadIdx.x % kWarpThreads;
    const int column = Tile::kTransposed ? warp_column * Weight::kPitch : warp_column * Tile::kSize;
    left = kept(shared_address(stage.input) + warp_row * Input::kPitch + Tile::Left::place(lane));
    right = kept(shared_address(stage.weight) + column + Tile::Right::place(lane));
  }
};

/// Fragments of a warp's part of the tile for one step.
template <class Tile>
struct Fragments {
  uint32_t left[Tile::kWarpRows / kFragmentRows][4];
  uint32_t right[Tile::kWarpColumns / kFragmentColumns][2];

  __device__ __forceinline__ void load(const Operands<Tile>& operands, int stage, int step) {
#pragma unroll
    for (int i = 0; i < Tile::kWarpRows / kFragmentRows; ++i) {
      Tile::Left::load(operands.left + stage, i * kFragmentRows, step * kStepBytes, left[i]);
    }
#pragma unroll
    for (int j = 0; j < Tile::kWarpColumns / kFragmentColumns; j += 2) {
      const int column = j * kFragmentColumns;
      const int depth = step * kStepBytes;
      const int rows = Tile::kTransposed ? column : depth / Tile::kSize;
      const int bytes = Tile::kTransposed ? depth : column * Tile::kSize;
      Tile::Right::load(operands.right + stage, rows, bytes, right[j], right[j + 1]);
    }
  }
};

/// Multiplies `depth` channels of a stage by pairs of steps, whose fragments are asked for before the first is used, so
/// that their latencies overlap; where registers do not allow it, by single steps.
template <class Tile>
__device__ __forceinline__ void multiply_stage(const Operands<Tile>& operands, int stage, int depth, Sums<Tile>& sums) {
  constexpr int kAtOnce = Tile::kTight ? 1 : 2;
  constexpr int kStepDepth = kStepBytes / Tile::kSize;
#pragma unroll
  for (int first = 0; first < Tile::kDepth / kStepDepth; first += kAtOnce) {
    if (first % 2 == 0 && first * kStepDepth >= depth) break;  // two steps between branches: one schedule for both
    Fragments<Tile> fragments[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) fragments[i].load(operands, stage, first + i);
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      multiply_step<typename Tile::Scalar>(fragments[i].left, fragments[i].right, sums);
    }
  }
}

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    convolve_tile(const __grid_constant__ ConvolutionParams params) {
  typename Tile::Shared& shared = dynamic_shared<typename Tile::Shared>();
  const auto [first_row, first_column] = corner_of<Tile>(params);
  const int in_channels = static_cast<int>(params.in_channels);
  const int warp = threadIdx.x / kWarpThreads;
  const int warp_row = warp / Tile::kWarpsAcross * Tile::kWarpRows;
  const int warp_column = warp % Tile::kWarpsAcross * Tile::kWarpColumns;
  typename Tile::Stage* const stages = shared.panels.stages;
  const typename Tile::Copies rows(params.features, in_channels * Tile::kSize, 0, stages->input);
  const WeightCopies<Tile> weight(params, first_column, stages->weight);
  const Operands<Tile> operands(*stages, warp_row, warp_column);
  Sums<Tile> sums = {};
  if constexpr (!Tile::kPaired) load_targets<Tile>(params, first_row, shared);
  constexpr int kStageBytes = sizeof(typename Tile::Stage);
  const int own_parts = kept(((1 << Tile::kWarpRows / kWarpThreads) - 1) << warp_row / kWarpThreads);
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
    for (unsigned stage = 0; stage < Tile::kStages - 1; ++stage) begin_stage(stage);
    unsigned stage = 0;
    while (use.visit < num_visits) {
      wait_for_copies<Tile::kStages - 2>();
      __syncthreads();  // the stage has arrived for all, and all are done with the one that is filled next
      begin_stage((stage + Tile::kStages - 1) % Tile::kStages);
      if ((parts_of(shared.visits[use.visit]) & own_parts) != 0) {
        multiply_stage<Tile>(operands, stage * kStageBytes, in_channels - use.channel, sums);
      }
      use.advance(Tile::kDepth, in_channels);
      stage = (stage + 1) % Tile::kStages;
    }
    wait_for_copies<0>();
    __syncthreads();
  }
  store_tile<Tile>(params, sums, warp_row, warp_column, first_column, shared);
}

template <class Tile>
void launch_tile(const ConvolutionParams& params, void* stream) {
  launch_shared(convolve_tile<Tile>, num_tiles<Tile>(params), 1, dim3(Tile::kThreads), shared_bytes<Tile>(params),
                stream, params);
}

/// Large tiles where there are enough of them for all multiprocessors. The order of a sum is the same in every tile.
///
/// The widest tile would not fit the registers with products in parts.
template <class Scalar, bool kTransposed, bool kPaired>
void choose_tile(const ConvolutionParams& params, void* stream) {
  const int64_t few_tiles = 2 * num_multiprocessors();
  const int64_t tiles = ceil_div(params.num_target, 128) * ceil_div(params.out_channels, 128);
  if (params.out_channels <= 32) {
    launch_tile<ConvolutionTile<Scalar, 128, 32, 32, 32, kTransposed, kPaired>>(params, stream);
  } else if (tiles < few_tiles) {
    launch_tile<ConvolutionTile<Scalar, 64, 64, 32, 32, kTransposed, kPaired>>(params, stream);
  } else if (params.out_channels <= 64 || kInParts<Scalar>) {
    launch_tile<ConvolutionTile<Scalar, 128, 64, 32, 64, kTransposed, kPaired>>(params, stream);
  } else if constexpr (!kInParts<Scalar>) {
    launch_tile<ConvolutionTile<Scalar, 128, 128, 64, 64, kTransposed, kPaired>>(params, stream);
  }
}

}  // namespace

bool takes_tensor_cores(const ConvolutionParams& params) {
  const int64_t pack = kPackBytes / element_bytes(params.dtype);
  const int64_t* const strides = params.weight_strides;
  const bool by_columns = strides[2] == 1 && strides[1] % pack == 0;
  const bool by_channels = strides[1] == 1 && strides[2] % pack == 0;
  constexpr int64_t kMost = int64_t{1} << 28;  // so that bytes of a row and strides are 32-bit numbers
  const int64_t step = strides[0] < 0 ? -strides[0] : strides[0];  // it may lead back
  if (params.in_channels >= kMost || params.out_channels >= kMost || step >= kMost || strides[1] >= kMost) {
    return false;
  }
  return in_packs(params.dtype, params.in_channels, params.features) &&
         in_packs(params.dtype, params.out_channels, params.output) &&
         in_packs(params.dtype, strides[0], params.weight) && (by_columns || by_channels);
}

void convolve_on_tensor_cores(const ConvolutionParams& params, void* stream) {
  if (takes_warpgroups(params)) return convolve_by_warpgroups(params, stream);
  with_product_type(params.dtype, params.allow_tf32, [&](auto tag) {
    with_layout(params, [&](auto transposed, auto paired) {
      choose_tile<typename decltype(tag)::type, decltype(transposed)::value, decltype(paired)::value>(params, stream);
    });
  });
}

}  // namespace completion::cuda
