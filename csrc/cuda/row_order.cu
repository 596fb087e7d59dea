// row_order: few rows are sorted in shared memory, a block for each window; many by a radix sort of window and rank. Of
// pairs only few rows: kernel_pairs sorts many itself.
#include "completion/row_order.h"
#include "launch.cuh"
#include "pair_slots.cuh"
#include "row_keys.cuh"

namespace completion::cuda {

namespace {

constexpr int kOrderThreads = 512;
constexpr int kRowsAtOnce = kWarpThreads;  // of one warp

/// Calls visit(row, rank) for 32 rows of a table of offsets. The warp reads them together, a lane for each offset, so
/// that their latencies overlap; rows beyond the last have rank 0.
template <class Visit>
__device__ __forceinline__ void visit_masks(const RowOrderParams& params, int64_t first, const Visit& visit) {
  const int lane = threadIdx.x % kWarpThreads;
  uint64_t mask = 0;  // of this lane's row
  for (int k = 0; k < params.num_offsets; k += kWarpThreads) {
    int32_t entries[kRowsAtOnce];
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      const bool inside = first + i < params.num_target && k + lane < params.num_offsets;
      entries[i] = inside ? params.table[(first + i) * params.num_offsets + k + lane] : -1;
    }
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      const uint64_t bits = __ballot_sync(kFullWarp, entries[i] >= 0);
      if (lane == i) mask |= bits << (k % 64);
    }
  }
  visit(first + lane, rank_of_mask(mask, params.num_offsets));
}

/// Rank of a row of pairs; any rank beyond the last row.
__device__ __forceinline__ uint64_t rank_of_row(const RowOrderParams& params, int64_t row) {
  PairsRank rank;
  for (int first = 0; row < params.num_target && first < params.num_offsets; first += kSlotsAtOnce) {
    int32_t pairs[kSlotsAtOnce];
    read_pairs(params.table + row * params.num_offsets, params.num_offsets, first, pairs);
#pragma unroll
    for (int i = 0; i < kSlotsAtOnce; ++i) rank.add(first + i, pairs[i]);
  }
  return rank.rank(params.num_offsets);
}

/// Calls visit(row, rank) for 32 rows; rows beyond the last have any rank.
template <class Visit>
__device__ __forceinline__ void visit_ranks(const RowOrderParams& params, int64_t first, const Visit& visit) {
  if (!params.holds_pairs) return visit_masks(params, first, visit);
  const int64_t row = first + threadIdx.x % kWarpThreads;
  visit(row, rank_of_row(params, row));
}

constexpr int kRowBits = 12;  // of a row within a small window
static_assert(1 << kRowBits == kSmallWindow && kRankBits + kRowBits <= 64, "rank and row are one number");

/// Numbers of a window; a gap after every eight spreads those that a thread takes at once over the banks.
class Window {
 public:
  __device__ uint64_t& operator[](int place) { return numbers_[place + place / 8]; }

 private:
  uint64_t numbers_[kSmallWindow + kSmallWindow / 8];
};

/// Stages of a bitonic network with partners 2^(kStages-1) · reach … reach apart in runs of `run`; each thread takes
/// numbers that have no partners but each other. Ends with a barrier.
template <int kStages>
__device__ __forceinline__ void exchange(Window& window, int size, int reach, int run) {
  constexpr int kCount = 1 << kStages;
  for (int group = threadIdx.x; group < size / kCount; group += kOrderThreads) {
    const int within = group & (reach - 1);
    const int first = (group - within) * kCount + within;
    const bool ascending = (first & run) == 0;
    uint64_t numbers[kCount];
#pragma unroll
    for (int i = 0; i < kCount; ++i) numbers[i] = window[first + i * reach];
#pragma unroll
    for (int apart = kCount / 2; apart > 0; apart /= 2) {
#pragma unroll
      for (int i = 0; i < kCount; ++i) {
        if ((i & apart) != 0) continue;
        const uint64_t low = numbers[i], high = numbers[i + apart];
        if ((low > high) == ascending) numbers[i] = high, numbers[i + apart] = low;
      }
    }
#pragma unroll
    for (int i = 0; i < kCount; ++i) window[first + i * reach] = numbers[i];
  }
  __syncthreads();
}

/// Sorts `size` numbers, a power of two, by a bitonic network: three stages at once while there are as many.
__device__ void sort_window(Window& window, int size) {
  for (int run = 2; run <= size; run *= 2) {
    int reach = run / 2;
    for (; reach >= 4; reach /= 8) exchange<3>(window, size, reach / 4, run);
    if (reach == 2) exchange<2>(window, size, 1, run);
    if (reach == 1) exchange<1>(window, size, 1, run);
  }
}

/// Block: a window, each row with its rank before it in one number.
__global__ void __launch_bounds__(kOrderThreads) order_window(RowOrderParams params) {
  __shared__ Window window;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kSmallWindow;
  const int64_t rest = params.num_target - first;
  const int count = rest < kSmallWindow ? static_cast<int>(rest) : kSmallWindow;
  int size = kRowsAtOnce;
  while (size < count) size *= 2;
  for (int i = threadIdx.x / kWarpThreads * kRowsAtOnce; i < size; i += kOrderThreads / kWarpThreads * kRowsAtOnce) {
    visit_ranks(params, first + i, [&](int64_t row, uint64_t rank) {
      const uint64_t number = rank << kRowBits | static_cast<uint64_t>(row - first);
      window[row - first] = row < params.num_target ? number : ~0ull;
    });
  }
  __syncthreads();
  sort_window(window, size);
  for (int i = threadIdx.x; i < count; i += kOrderThreads) {
    params.order[first + i] = static_cast<int32_t>(first + (window[i] & (kSmallWindow - 1)));
  }
}

template <class Key>
__global__ void __launch_bounds__(kBlockThreads) make_keys(RowOrderParams params, RowKeys<Key> keys) {
  const int64_t warp = static_cast<int64_t>(blockIdx.x) * kBlockWarps + threadIdx.x / kWarpThreads;
  visit_masks(params, warp * kRowsAtOnce, [&](int64_t row, uint64_t rank) { put_key(params, keys, row, rank); });
}

template <class Key>
Status sort_all(const RowOrderParams& params, void* stream) {
  Workspace workspace(params.workspace);
  const RowKeys<Key> keys = take_row_keys<Key>(params, &workspace);
  launch(make_keys<Key>, ceil_div(params.num_target, kBlockWarps * kRowsAtOnce), 1, dim3(kBlockThreads), stream, params,
         keys);
  return sort_row_keys(params, keys, stream);
}

}  // namespace

int64_t row_order_workspace_bytes(const RowOrderParams& params) {
  if (is_small(params)) return 0;
  return with_key_type(params, [&](auto key) {
    Workspace workspace(nullptr);
    take_row_keys<decltype(key)>(params, &workspace);
    return workspace.bytes();
  });
}

Status row_order(const RowOrderParams& params, void* stream) {
  Status status = 0;
  if (is_small(params)) {
    launch(order_window, ceil_div(params.num_target, kSmallWindow), 1, dim3(kOrderThreads), stream, params);
  } else {
    status = with_key_type(params, [&](auto key) { return sort_all<decltype(key)>(params, stream); });
  }
  return status != 0 ? status : last_status();
}

}  // namespace completion::cuda
