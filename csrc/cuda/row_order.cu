// row_order: few rows are sorted in shared memory, a block for each window; many by a radix sort of window and rank. Of
// pairs only few rows: kernel_pairs sorts many itself.
#include "completion/row_order.h"
#include "launch.cuh"
#include "pair_slots.cuh"
#include "row_keys.cuh"

namespace completion::cuda {

namespace {

constexpr int kOrderThreads = 512;
constexpr int kRowsAtOnce = 16;  // of one warp

/// Calls visit(row, rank) for 16 rows of a table of offsets. The warp reads them together, a lane for each offset, so
/// that their latencies overlap; rows beyond the last have rank 0.
template <class Visit>
__device__ __forceinline__ void visit_masks(const RowOrderParams& params, int64_t first, const Visit& visit) {
  const int lane = threadIdx.x % kWarpThreads;
  uint64_t masks[kRowsAtOnce] = {};
  for (int k = 0; k < params.num_offsets; k += kWarpThreads) {
    int32_t entries[kRowsAtOnce];
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      const bool inside = first + i < params.num_target && k + lane < params.num_offsets;
      entries[i] = inside ? params.table[(first + i) * params.num_offsets + k + lane] : -1;
    }
#pragma unroll
    for (int i = 0; i < kRowsAtOnce; ++i) {
      masks[i] |= static_cast<uint64_t>(__ballot_sync(kFullWarp, entries[i] >= 0)) << (k % 64);
    }
  }
#pragma unroll
  for (int i = 0; i < kRowsAtOnce; ++i) {
    if (lane == i) visit(first + i, rank_of_mask(masks[i], params.num_offsets));
  }
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

/// Calls visit(row, rank) for 16 rows; rows beyond the last have any rank.
template <class Visit>
__device__ __forceinline__ void visit_ranks(const RowOrderParams& params, int64_t first, const Visit& visit) {
  if (!params.holds_pairs) return visit_masks(params, first, visit);
  const int lane = threadIdx.x % kWarpThreads;
  if (lane < kRowsAtOnce) visit(first + lane, rank_of_row(params, first + lane));
}

/// Rows of a window with what they are sorted by.
struct Window {
  uint64_t ranks[kSmallWindow];
  uint16_t rows[kSmallWindow];  // within the window

  __device__ bool out_of_order(int low, int high) const {
    return ranks[low] != ranks[high] ? ranks[low] > ranks[high] : rows[low] > rows[high];
  }

  __device__ void exchange(int low, int high) {
    const uint64_t rank = ranks[low];
    const uint16_t row = rows[low];
    ranks[low] = ranks[high];
    rows[low] = rows[high];
    ranks[high] = rank;
    rows[high] = row;
  }
};

/// Sorts the first `size` rows, a power of two, by a bitonic network.
__device__ void sort_window(Window& window, int size) {
  for (int run = 2; run <= size; run *= 2) {
    for (int reach = run / 2; reach > 0; reach /= 2) {
      for (int i = threadIdx.x; i < size / 2; i += kOrderThreads) {
        const int low = 2 * i - i % reach;
        const bool ascending = (low & run) == 0;
        if (window.out_of_order(low, low + reach) == ascending) window.exchange(low, low + reach);
      }
      __syncthreads();
    }
  }
}

__global__ void __launch_bounds__(kOrderThreads) order_window(RowOrderParams params) {
  __shared__ Window window;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kSmallWindow;
  const int64_t rest = params.num_target - first;
  const int count = rest < kSmallWindow ? static_cast<int>(rest) : kSmallWindow;
  int size = kRowsAtOnce;
  while (size < count) size *= 2;
  for (int i = threadIdx.x / kWarpThreads * kRowsAtOnce; i < size; i += kOrderThreads / kWarpThreads * kRowsAtOnce) {
    visit_ranks(params, first + i, [&](int64_t row, uint64_t rank) {
      window.ranks[row - first] = row < params.num_target ? rank : ~0ull;
      window.rows[row - first] = static_cast<uint16_t>(row - first);
    });
  }
  __syncthreads();
  sort_window(window, size);
  for (int i = threadIdx.x; i < count; i += kOrderThreads) {
    params.order[first + i] = static_cast<int32_t>(first + window.rows[i]);
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
