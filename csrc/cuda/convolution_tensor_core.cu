// The convolution on tensor cores: a block owns a tile of output rows and channels and walks the offsets that any of
// its rows has, a cache line of input channels at a time, half a line in narrow tiles. Rows are gathered by
// asynchronous copies, one or three stages ahead; each output is written once: no atomics, one order of summation
// (offset, then channel) whatever the grid.
#include "convolution_tensor_core.cuh"
#include "convolution_tile.cuh"

namespace completion::cuda {

namespace {

/// Sums of a warp's part of the tile, as the multiply-add leaves them.
template <class Tile>
using Sums = float[Tile::kWarpRows / kFragmentRows][Tile::kWarpColumns / kFragmentColumns][4];

/// Fragments of a warp's part of the tile for one step.
template <class Tile>
struct Fragments {
  uint32_t left[Tile::kWarpRows / kFragmentRows][4];
  uint32_t right[Tile::kWarpColumns / kFragmentColumns][2];

  __device__ __forceinline__ void load(const typename Tile::Stage& stage, int warp_row, int warp_column, int step) {
    using Scalar = typename Tile::Scalar;
    const int lane = threadIdx.x % kWarpThreads;
#pragma unroll
    for (int i = 0; i < Tile::kWarpRows / kFragmentRows; ++i) {
      const int row = warp_row + i * kFragmentRows;
      load_left<Scalar>(stage.input + row * Tile::kInputPitch + step * kStepBytes, Tile::kInputPitch, lane, left[i]);
    }
#pragma unroll
    for (int j = 0; j < Tile::kWarpColumns / kFragmentColumns; j += 2) {
      const int column = warp_column + j * kFragmentColumns;
      if constexpr (Tile::kTransposed) {
        load_right_transposed<Scalar>(stage.weight + column * Tile::kWeightPitch + step * kStepBytes,
                                      Tile::kWeightPitch, lane, right[j], right[j + 1]);
      } else {
        const int depth = step * kStepBytes / Tile::kSize;
        load_right<Scalar>(stage.weight + depth * Tile::kWeightPitch + column * Tile::kSize, Tile::kWeightPitch, lane,
                           right[j], right[j + 1]);
      }
    }
  }
};

/// Multiplies `depth` channels of a stage, two steps at a time: their fragments are all asked for before the first is
/// used, so that their latencies overlap.
template <class Tile>
__device__ __forceinline__ void multiply_stage(const typename Tile::Stage& stage, int depth, int warp_row,
                                               int warp_column, Sums<Tile>& sums) {
  constexpr int kAtOnce = 2;
  constexpr int kStepDepth = kStepBytes / Tile::kSize;
#pragma unroll
  for (int first = 0; first < Tile::kDepth / kStepDepth; first += kAtOnce) {
    if (first * kStepDepth >= depth) break;
    Fragments<Tile> fragments[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) fragments[i].load(stage, warp_row, warp_column, first + i);
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      multiply_step<typename Tile::Scalar>(fragments[i].left, fragments[i].right, sums);
    }
  }
}

/// Narrows the sums into shared memory and writes whole rows from there.
template <class Tile>
__device__ void store_tile(const ConvolutionParams& params, const Sums<Tile>& sums, int warp_row, int warp_column,
                           int64_t first_column, typename Tile::Shared& shared) {
  using Scalar = typename Tile::Scalar;
  char* const panel = shared.panels.output;
  const int lane = threadIdx.x % kWarpThreads;
#pragma unroll
  for (int i = 0; i < Tile::kWarpRows / kFragmentRows; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kWarpColumns / kFragmentColumns; ++j) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = warp_row + i * kFragmentRows + half * 8 + lane / 4;
        const int column = warp_column + j * kFragmentColumns + lane % 4 * 2;
        Pack<Scalar, 2> two;
        narrow(sums[i][j][2 * half], &two.value[0]);
        narrow(sums[i][j][2 * half + 1], &two.value[1]);
        *reinterpret_cast<Pack<Scalar, 2>*>(panel + row * Tile::kOutputPitch + column * Tile::kSize) = two;
      }
    }
  }
  __syncthreads();
  constexpr int kRowPacks = Tile::kColumns * Tile::kSize / kPackBytes;
  Scalar* const output = static_cast<Scalar*>(params.output);
  for (int entry = threadIdx.x; entry < Tile::kRows * kRowPacks; entry += Tile::kThreads) {
    const int r = entry / kRowPacks;
    const int pack = entry % kRowPacks;
    const int64_t target = shared.targets[r];
    const int64_t column = first_column + pack * Tile::kPack;
    if (target < 0 || column >= params.out_channels) continue;
    *reinterpret_cast<uint4*>(output + target * params.out_channels + column) =
        *reinterpret_cast<const uint4*>(panel + r * Tile::kOutputPitch + pack * kPackBytes);
  }
}

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads) convolve_tile(ConvolutionParams params) {
  typename Tile::Shared& shared = dynamic_shared<typename Tile::Shared>();
  // Tiles of the same rows are neighbours in the grid, so that the second finds the rows in the cache.
  const int64_t tiles_across = ceil_div(params.out_channels, Tile::kColumns);
  const int64_t first_row = blockIdx.x / tiles_across * Tile::kRows;
  const int64_t first_column = blockIdx.x % tiles_across * Tile::kColumns;
  const int in_channels = static_cast<int>(params.in_channels);
  const int warp = threadIdx.x / kWarpThreads;
  const int warp_row = warp / Tile::kWarpsAcross * Tile::kWarpRows;
  const int warp_column = warp % Tile::kWarpsAcross * Tile::kWarpColumns;
  const typename Tile::Copies rows(params.features, in_channels * Tile::kSize, 0);
  const WeightCopies<Tile> weight(params, first_column);
  Sums<Tile> sums = {};
  load_targets<Tile>(params, first_row, shared);
  constexpr int kGroup = Tile::kPaired ? kPairOffsets : kGroupOffsets;
  for (int first_offset = 0; first_offset < params.num_offsets; first_offset += kGroup) {
    const int count = min(kGroup, params.num_offsets - first_offset);
    Cursor<typename Tile::Mask> load = {load_entries<Tile>(params, first_offset, count, shared), 0};
    Cursor<typename Tile::Mask> use = load;
    typename Tile::Mask used = 0;  // offsets that this warp's rows have
    for (int r = 0; r < Tile::kWarpRows; r += kWarpThreads) used |= shared.used[(warp_row + r) / kWarpThreads];
    const auto begin_stage = [&](int stage) {
      if (!load.at_end()) {
        load_stage<Tile>(rows, weight, shared, first_offset, in_channels, load, shared.panels.stages[stage]);
        load.advance(Tile::kDepth, in_channels);
      }
      commit_copies();
    };
    for (int stage = 0; stage < Tile::kStages - 1; ++stage) begin_stage(stage);
    int stage = 0;
    while (!use.at_end()) {
      wait_for_copies<Tile::kStages - 2>();
      __syncthreads();  // the stage has arrived for all, and all are done with the one that is filled next
      begin_stage((stage + Tile::kStages - 1) % Tile::kStages);
      if (used >> use.offset() & 1u) {
        multiply_stage<Tile>(shared.panels.stages[stage], in_channels - use.channel, warp_row, warp_column, sums);
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
  const int64_t blocks = ceil_div(params.num_target, Tile::kRows) * ceil_div(params.out_channels, Tile::kColumns);
  launch_shared(convolve_tile<Tile>, blocks, 1, dim3(Tile::kThreads), sizeof(typename Tile::Shared), stream, params);
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

template <class Scalar, bool kTransposed>
void choose_neighbours(const ConvolutionParams& params, void* stream) {
  if (params.pairs != nullptr) {
    choose_tile<Scalar, kTransposed, true>(params, stream);
  } else {
    choose_tile<Scalar, kTransposed, false>(params, stream);
  }
}

template <class Scalar>
void choose_weight(const ConvolutionParams& params, void* stream) {
  if (params.weight_strides[2] == 1) {
    choose_neighbours<Scalar, false>(params, stream);
  } else {
    choose_neighbours<Scalar, true>(params, stream);
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
  with_product_type(params.dtype, params.allow_tf32,
                    [&](auto tag) { choose_weight<typename decltype(tag)::type>(params, stream); });
}

}  // namespace completion::cuda
