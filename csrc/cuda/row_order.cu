// row_order: few rows are sorted in shared memory, a block for each window; many by a radix sort of window and rank.
#include "completion/row_order.h"
#include "launch.cuh"
#include "pair_slots.cuh"
#include "sort.cuh"

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

/// Window and rank of a row as one number.
__device__ __forceinline__ int64_t key_of(const RowOrderParams& params, int rank_bits, int64_t row, uint64_t rank) {
  return row / window_of(params) << rank_bits | static_cast<int64_t>(rank);
}

__global__ void __launch_bounds__(kBlockThreads) make_keys(RowOrderParams params, int rank_bits, int64_t* keys) {
  const int64_t warp = static_cast<int64_t>(blockIdx.x) * kBlockWarps + threadIdx.x / kWarpThreads;
  visit_masks(params, warp * kRowsAtOnce, [&](int64_t row, uint64_t rank) {
    if (row < params.num_target) keys[row] = key_of(params, rank_bits, row, rank);
  });
}

__global__ void __launch_bounds__(kBlockThreads)
    make_keys_of_pairs(RowOrderParams params, int rank_bits, int64_t* keys) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  if (row < params.num_target) keys[row] = key_of(params, rank_bits, row, rank_of_row(params, row));
}

bool is_small(const RowOrderParams& params) { return window_of(params) == kSmallWindow; }

struct Layout {
  int64_t* keys;
  SortedKeys sorted;
  int64_t bytes;
};

Layout lay_out(const RowOrderParams& params, void* base) {
  Layout layout = {};
  if (is_small(params)) return layout;
  Workspace workspace(base);
  layout.keys = workspace.take<int64_t>(params.num_target);
  layout.sorted = take_sorted_keys(params.num_target, &workspace);
  layout.bytes = workspace.bytes();
  return layout;
}

int bits_of(int64_t value) {
  int bits = 0;
  while (value >> bits > 0) ++bits;
  return bits;
}

Status sort_all(const RowOrderParams& params, void* stream) {
  Layout layout = lay_out(params, params.workspace);
  layout.sorted.rows = params.order;
  const int rank_bits = rank_bits_of(params);
  if (params.holds_pairs) {
    launch_items(make_keys_of_pairs, params.num_target, stream, params, rank_bits, layout.keys);
  } else {
    launch(make_keys, ceil_div(params.num_target, kBlockWarps * kRowsAtOnce), 1, dim3(kBlockThreads), stream, params,
           rank_bits, layout.keys);
  }
  return sort_keys(layout.keys, params.num_target, layout.sorted, stream,
                   rank_bits + bits_of((params.num_target - 1) / window_of(params)));
}

}  // namespace

int64_t row_order_workspace_bytes(const RowOrderParams& params) { return lay_out(params, nullptr).bytes; }

Status row_order(const RowOrderParams& params, void* stream) {
  if (is_small(params)) {
    launch(order_window, ceil_div(params.num_target, kSmallWindow), 1, dim3(kOrderThreads), stream, params);
  } else if (const Status status = sort_all(params, stream); status != 0) {
    return status;
  }
  return last_status();
}

}  // namespace completion::cuda
