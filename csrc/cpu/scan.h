// Parallel numbering of heads: which rows of an ordered list begin a group, and which group each row belongs to.
#pragma once

#include <cstdint>

#include "completion/parallel_for.h"

namespace completion::cpu {

constexpr int64_t kScanChunk = 32768;  // less than this is done sooner than a second thread wakes up

/// Chunks of a list of n rows, of at most `most` rows and all of about the same number; an even number where there are
/// several, so that two threads have as much to do. Arrays of chunk starts hold one more.
inline int64_t num_chunks(int64_t n, int64_t most = kScanChunk) {
  return n <= most ? (n > 0 ? 1 : 0) : (n + 2 * most - 1) / (2 * most) * 2;
}

/// First row of a chunk of n rows, n for the one after the last.
inline int64_t chunk_begin(int64_t chunk, int64_t n, int64_t most = kScanChunk) {
  return n == 0 ? 0 : n * chunk / num_chunks(n, most);
}

/// Runs function(chunk, begin, end) for every chunk of n rows.
template <class Function>
void for_chunks(ParallelFor parallel_for, int64_t n, const Function& function, int64_t most = kScanChunk) {
  for_ranges(parallel_for, 0, num_chunks(n, most), 1, [&](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; ++chunk) {
      function(chunk, chunk_begin(chunk, n, most), chunk_begin(chunk + 1, n, most));
    }
  });
}

/// Turns counts[0 … n−1] into their exclusive prefix sums and returns the total, also written to counts[n].
inline int64_t exclusive_sum(int64_t* counts, int64_t n) {
  int64_t total = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t count = counts[i];
    counts[i] = total;
    total += count;
  }
  counts[n] = total;
  return total;
}

/// Counts the rows with is_head(row); chunk_starts [num_chunks(n) + 1] receives the number of heads before each chunk.
template <class IsHead>
int64_t count_heads(ParallelFor parallel_for, int64_t n, int64_t* chunk_starts, const IsHead& is_head) {
  for_chunks(parallel_for, n, [&](int64_t chunk, int64_t begin, int64_t end) {
    int64_t heads = 0;
    for (int64_t row = begin; row < end; ++row) heads += is_head(row) ? 1 : 0;
    chunk_starts[chunk] = heads;
  });
  return exclusive_sum(chunk_starts, num_chunks(n));
}

/// Calls visit(row, group, is_head) for every row; group counts the heads up to and including the row, less one.
template <class IsHead, class Visit>
void visit_groups(ParallelFor parallel_for, int64_t n, const int64_t* chunk_starts, const IsHead& is_head,
                  const Visit& visit) {
  for_chunks(parallel_for, n, [&](int64_t chunk, int64_t begin, int64_t end) {
    int64_t group = chunk_starts[chunk] - 1;
    for (int64_t row = begin; row < end; ++row) {
      const bool head = is_head(row);
      group += head ? 1 : 0;
      visit(row, group, head);
    }
  });
}

}  // namespace completion::cpu
