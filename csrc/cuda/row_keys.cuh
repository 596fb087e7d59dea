// What the rows of a large table are sorted by for row_order: window and rank as one number of as few bytes as it
// needs.
#pragma once

#include "completion/row_order.h"
#include "launch.cuh"
#include "sort.cuh"

namespace completion::cuda {

/// Few rows: each window is sorted by a block.
inline bool is_small(const RowOrderParams& params) { return window_of(params) == kSmallWindow; }

/// Bits of a window's number and a rank within it.
inline int key_bits_of(const RowOrderParams& params) {
  return rank_bits_of(params) + num_bits(static_cast<uint64_t>((params.num_target - 1) / window_of(params)));
}

/// Calls call(key) with a value of the type that the keys have.
template <class Call>
auto with_key_type(const RowOrderParams& params, const Call& call) {
  return key_bits_of(params) <= 32 ? call(uint32_t{}) : call(int64_t{});
}

template <class Key>
struct RowKeys {
  Key* keys;  // [M]; null for few rows
  SortedKeys<Key> sorted;
};

template <class Key>
RowKeys<Key> take_row_keys(const RowOrderParams& params, Workspace* workspace) {
  RowKeys<Key> keys = {};
  keys.keys = workspace->take<Key>(params.num_target);
  keys.sorted = take_sorted_keys<Key>(params.num_target, workspace);
  return keys;
}

/// Sets the key of a row of the table.
template <class Key>
__device__ __forceinline__ void put_key(const RowOrderParams& params, const RowKeys<Key>& keys, int64_t row,
                                        uint64_t rank) {
  if (row >= params.num_target) return;
  const uint64_t window = static_cast<uint64_t>(row / window_of(params));
  keys.keys[row] = static_cast<Key>(window << rank_bits_of(params) | rank);
  keys.sorted.unsorted_rows[row] = static_cast<int32_t>(row);
}

/// The order, once all keys are set.
template <class Key>
Status sort_row_keys(const RowOrderParams& params, const RowKeys<Key>& keys, void* stream) {
  SortedKeys<Key> sorted = keys.sorted;
  sorted.rows = params.order;
  return sort_pairs(keys.keys, params.num_target, sorted, stream, key_bits_of(params));
}

}  // namespace completion::cuda
