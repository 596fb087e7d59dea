// The weight gradient of few channels on tensor cores: a block owns a group of offsets, a warp for each, and one range
// of rows of the shorter side. All warps share the side's own rows; each gathers their partners at its offset. A list
// of pairs for each offset would ask for the own rows once a pair, and what bounds both is the number of rows asked
// for.
#include "grad_weight_tensor_core.cuh"
#include "pair_list.cuh"
#include "row_copies.cuh"
#include "tensor_core.cuh"

namespace completion::cuda {

namespace {

constexpr int kGroupStages = 4;
constexpr int64_t kLeastSteps = 8;      // of a range, so that a partial sum costs less than what it sums
constexpr int64_t kTargetBlocks = 528;  // four for each multiprocessor of the largest GPUs; bounds the workspace

template <class Scalar_, int kSide_>
struct GroupTile {
  using Scalar = Scalar_;
  static constexpr int kSide = kSide_;                    // channels of both sides
  static constexpr int kMostWarps = kSide > 32 ? 8 : 16;  // as the registers have room for
  static constexpr int kSize = sizeof(Scalar);
  static constexpr int kPack = kPackBytes / kSize;
  static constexpr int kStepDepth = kStepBytes / kSize;  // rows of one multiply-add
  static constexpr int kSteps = 2;
  static constexpr int kRows = kSteps * kStepDepth;  // of a stage
  static constexpr int kRowPacks = kSide / kPack;
  static constexpr int kPitch = pitch_of<Scalar>(kSide * kSize, true);
  static constexpr int kPanelBytes = kRows * kPitch;

  using Copies = RowCopies<kStepDepth, kRowPacks, kWarpThreads, kPitch>;  // of a warp for one step

  static constexpr size_t shared_bytes(int warps) {
    return static_cast<size_t>(kGroupStages) * (1 + warps) * kPanelBytes + sizeof(int32_t) * 2 * (1 + warps) * kRows;
  }
};

/// Shared memory of a block of so many warps: stages of one panel of own rows and one of partners for each warp, then
/// for two stages the numbers of the own rows and of their partners.
template <class Tile>
struct GroupShared {
  char* panels;
  int32_t* numbers;
  int warps;

  __device__ GroupShared(char* memory, int warps_)
      : panels(memory),
        numbers(reinterpret_cast<int32_t*>(memory + kGroupStages * (1 + warps_) * Tile::kPanelBytes)),
        warps(warps_) {}

  __device__ char* own(int stage) const { return panels + stage % kGroupStages * (1 + warps) * Tile::kPanelBytes; }
  __device__ char* gathered(int stage, int warp) const { return own(stage) + (1 + warp) * Tile::kPanelBytes; }
  __device__ int32_t* rows(int stage) const { return numbers + stage % 2 * (1 + warps) * Tile::kRows; }
  __device__ int32_t* partners(int stage, int warp) const { return rows(stage) + (1 + warp) * Tile::kRows; }
};

/// A thread's share of the numbers: a row of each stage and its partner at one offset, asked for a stage before they
/// are put into shared memory.
template <class Tile>
struct StageNumbers {
  const PairSide& side;
  const int32_t* order;
  int64_t begin, end;
  int num_offsets, k;
  int place;  // of the row in its stage
  int32_t row, partner, next_row;

  __device__ int32_t row_at(int stage) const {
    const int64_t at = begin + stage * Tile::kRows + place;
    const bool inside = place < Tile::kRows && at < end;
    return !inside ? -1 : order == nullptr ? static_cast<int32_t>(at) : order[at];
  }

  __device__ int32_t partner_of(int32_t of) const {
    return of < 0 || k >= num_offsets ? -1 : side.entries[static_cast<int64_t>(of) * num_offsets + k];
  }

  __device__ void begin_with_first() {
    row = row_at(0);
    partner = partner_of(row);
    next_row = row_at(1);
  }

  /// Puts the numbers of the stage into shared memory and asks for those of the next.
  __device__ __forceinline__ void store(const GroupShared<Tile>& shared, int stage, int warp) {
    if (place < Tile::kRows) {
      shared.partners(stage, warp)[place] = partner;
      if (warp == 0) shared.rows(stage)[place] = row;
    }
    row = next_row;
    partner = partner_of(row);
    next_row = row_at(stage + 2);
  }
};

/// Begins to copy the own rows of a stage: each warp has its steps.
template <class Tile>
__device__ __forceinline__ void load_own(const typename Tile::Copies& copies, const int32_t* rows, int warp, int warps,
                                         char* panel) {
  for (int step = warp; step < Tile::kSteps; step += warps) {
    const int first = step * Tile::kStepDepth;
    int32_t numbers[Tile::Copies::kCount];
    copies.read(rows + first, numbers);
    copies.load(numbers, 0, panel + first * Tile::kPitch);
  }
}

/// Begins to copy a warp's partners of the steps that have any; returns those steps as bits.
template <class Tile>
__device__ __forceinline__ unsigned load_partners(const typename Tile::Copies& copies, const int32_t* partners,
                                                  char* panel) {
  unsigned used = 0;
#pragma unroll
  for (int step = 0; step < Tile::kSteps; ++step) {
    const int first = step * Tile::kStepDepth;
    int32_t numbers[Tile::Copies::kCount];
    copies.read(partners + first, numbers);
    bool any = false;
    for (const int32_t number : numbers) any |= number >= 0;
    if (__ballot_sync(kFullWarp, any) == 0) continue;
    used |= 1u << step;
    copies.load(numbers, 0, panel + first * Tile::kPitch);
  }
  return used;
}

template <class Tile>
using GroupSums = float[Tile::kSide / kFragmentRows][Tile::kSide / kFragmentColumns][4];

/// Fragments of one step's rows.
template <class Tile>
struct GroupFragments {
  uint32_t left[Tile::kSide / kFragmentRows][4];
  uint32_t right[Tile::kSide / kFragmentColumns][2];

  __device__ __forceinline__ void load(const char* input, const char* grad) {
    using Scalar = typename Tile::Scalar;
    const int lane = threadIdx.x % kWarpThreads;
#pragma unroll
    for (int i = 0; i < Tile::kSide / kFragmentRows; ++i) {
      load_left_transposed<Scalar>(input + i * kFragmentRows * Tile::kSize, Tile::kPitch, lane, left[i]);
    }
#pragma unroll
    for (int j = 0; j < Tile::kSide / kFragmentColumns; j += 2) {
      load_right<Scalar>(grad + j * kFragmentColumns * Tile::kSize, Tile::kPitch, lane, right[j], right[j + 1]);
    }
  }
};

template <class Tile>
__device__ void store_sums(const ConvolutionGradWeightParams& params, const GroupSums<Tile>& sums, float* output) {
  const int lane = threadIdx.x % kWarpThreads;
#pragma unroll
  for (int i = 0; i < Tile::kSide / kFragmentRows; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kSide / kFragmentColumns; ++j) {
#pragma unroll
      for (int value = 0; value < 4; ++value) {
        const int in = i * kFragmentRows + value / 2 * 8 + lane / 4;
        const int out = j * kFragmentColumns + lane % 4 * 2 + value % 2;
        if (in < params.in_channels && out < params.out_channels) {
          output[in * params.out_channels + out] = sums[i][j][value];
        }
      }
    }
  }
}

template <class Tile>
__global__ void __launch_bounds__(Tile::kMostWarps* kWarpThreads)
    sum_group(ConvolutionGradWeightParams params, PairSide side, Ranges ranges, float* partials) {
  const int warps = static_cast<int>(blockDim.x) / kWarpThreads;
  const int warp = threadIdx.x / kWarpThreads;
  const int first_offset = static_cast<int>(blockIdx.x) * warps;
  const GroupShared<Tile> shared(&dynamic_shared<char>(), warps);
  const int64_t begin = blockIdx.y * ranges.rows_per_range;
  const int64_t end = min(begin + ranges.rows_per_range, side.num_rows);
  const int stages = static_cast<int>(ceil_div(end - begin, Tile::kRows));
  const auto copies = [](const void* rows, int64_t channels) {
    return typename Tile::Copies(rows, static_cast<int>(channels) * Tile::kSize, 0, threadIdx.x % kWarpThreads);
  };
  const bool sources = side.rows_are_sources;
  const auto own = sources ? copies(params.features, params.in_channels) : copies(params.grad, params.out_channels);
  const auto other = sources ? copies(params.grad, params.out_channels) : copies(params.features, params.in_channels);

  // Neighbouring threads look at neighbouring offsets of one row, which lie in one line.
  const int column = static_cast<int>(threadIdx.x) % warps;
  const int place = static_cast<int>(threadIdx.x) / warps;
  StageNumbers<Tile> numbers = {side, side.order, begin, end, params.num_offsets, first_offset + column, place};
  numbers.begin_with_first();
  unsigned used = 0;  // of each stage under way its steps with partners, the latest lowest
  const auto load = [&](int stage) {
    used <<= Tile::kSteps;
    if (stage < stages) {
      load_own<Tile>(own, shared.rows(stage), warp, warps, shared.own(stage));
      used |= load_partners<Tile>(other, shared.partners(stage, warp), shared.gathered(stage, warp));
    }
    commit_copies();
  };
  for (int stage = 0; stage < kGroupStages - 1; ++stage) {
    numbers.store(shared, stage, column);
    __syncthreads();
    load(stage);
  }
  numbers.store(shared, kGroupStages - 1, column);
  GroupSums<Tile> sums = {};
  for (int stage = 0; stage < stages; ++stage) {
    wait_for_copies<kGroupStages - 2>();
    __syncthreads();  // the stage and the next numbers have arrived for all, and all are done with what is filled next
    const char* const rows = shared.own(stage);
    const char* const partners = shared.gathered(stage, warp);
    const unsigned used_now = used >> (kGroupStages - 2) * Tile::kSteps;
    // Fragments are asked for before the next copies, so that their latencies overlap.
    GroupFragments<Tile> fragments[Tile::kSteps];
#pragma unroll
    for (int step = 0; step < Tile::kSteps; ++step) {
      const int depth = step * Tile::kStepDepth * Tile::kPitch;
      if ((used_now >> step & 1u) == 0) continue;
      fragments[step].load((side.rows_are_sources ? rows : partners) + depth,
                           (side.rows_are_sources ? partners : rows) + depth);
    }
    load(stage + kGroupStages - 1);
    numbers.store(shared, stage + kGroupStages, column);
#pragma unroll
    for (int step = 0; step < Tile::kSteps; ++step) {
      if ((used_now >> step & 1u) == 0) continue;
      multiply_step<typename Tile::Scalar>(fragments[step].left, fragments[step].right, sums);
    }
  }
  wait_for_copies<0>();
  const int k = first_offset + warp;
  if (k >= params.num_offsets) return;
  const int64_t weights = params.in_channels * params.out_channels;
  store_sums<Tile>(params, sums, partials + (static_cast<int64_t>(blockIdx.y) * params.num_offsets + k) * weights);
}

int64_t widest_of(const ConvolutionGradWeightParams& params) {
  return params.in_channels > params.out_channels ? params.in_channels : params.out_channels;
}

/// Ranges depend on the sizes alone, not on how many offsets the GPU's shared memory takes in a group.
Ranges group_ranges(const ConvolutionGradWeightParams& params) {
  const int64_t group = widest_of(params) > 32 ? 8 : 16;
  const int64_t rows = kStepBytes * 2 / element_bytes(params.dtype);
  return cut_into_ranges(shorter_side(params).num_rows, rows, ceil_div(params.num_offsets, group), kTargetBlocks,
                         kLeastSteps);
}

template <class Tile>
void launch_group(const ConvolutionGradWeightParams& params, void* partials, void* stream) {
  int most = Tile::kMostWarps;
  while (most > 1 && Tile::shared_bytes(most) > most_shared_bytes()) most /= 2;
  const int64_t groups = ceil_div(params.num_offsets, most);
  const int warps = static_cast<int>(ceil_div(params.num_offsets, groups));
  const Ranges ranges = group_ranges(params);
  launch_shared(sum_group<Tile>, groups, ranges.count, dim3(warps * kWarpThreads), Tile::shared_bytes(warps), stream,
                params, shorter_side(params), ranges, static_cast<float*>(partials));
}

}  // namespace

bool takes_groups(const ConvolutionGradWeightParams& params) {
  const bool in_parts = params.dtype == DType::float32 && !params.allow_tf32;  // would need twice the registers
  return widest_of(params) <= 64 && !in_parts;
}

int64_t num_group_ranges(const ConvolutionGradWeightParams& params) { return group_ranges(params).count; }

void sum_groups(const ConvolutionGradWeightParams& params, void* partials, void* stream) {
  with_product_type(params.dtype, true, [&](auto tag) {
    using Scalar = typename decltype(tag)::type;
    if constexpr (!kInParts<Scalar>) {
      if (widest_of(params) > 32) return launch_group<GroupTile<Scalar, 64>>(params, partials, stream);
      launch_group<GroupTile<Scalar, 32>>(params, partials, stream);
    }
  });
}

}  // namespace completion::cuda
