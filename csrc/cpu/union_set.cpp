// union_set on the CPU: both lists are cut at the same keys, and each pair of pieces is merged on its own.
#include "completion/union_set.h"

#include <algorithm>

#include "arena.h"
#include "scan.h"

namespace completion::cpu {
namespace {

/// The longer list is cut into chunks, the other one at the same keys.
struct Pieces {
  const UnionSetParams& params;
  bool cut_a;
  int64_t count;
  Arena arena;
  int64_t* starts;  // [count + 1] members of the union before each piece

  explicit Pieces(const UnionSetParams& p)
      : params(p),
        cut_a(p.num_a >= p.num_b),
        count(num_chunks(std::max(p.num_a, p.num_b))),
        arena(p.workspace),
        starts(arena.take<int64_t>(count + 1)) {}

  int64_t cut(int64_t piece, bool of_a) const {
    const int64_t size = of_a ? params.num_a : params.num_b;
    if (piece == 0) return 0;
    if (piece == count) return size;
    const int64_t row = chunk_begin(piece, cut_a ? params.num_a : params.num_b);
    if (of_a == cut_a) return row;
    const int64_t key = (cut_a ? params.keys_a : params.keys_b)[row];
    const int64_t* keys = of_a ? params.keys_a : params.keys_b;
    return std::lower_bound(keys, keys + size, key) - keys;
  }
};

/// Calls visit(key, row of a, row of b) in ascending order for the members of one piece. The side that a member is not
/// from names its next row, which is visited again, or −1 once that side is used up.
///
/// No branch on keys while both sides have some left: which comes next is close to a coin toss.
template <class Visit>
void merge_piece(const Pieces& pieces, int64_t piece, const Visit& visit) {
  const int64_t *const keys_a = pieces.params.keys_a, *const keys_b = pieces.params.keys_b;
  int64_t a = pieces.cut(piece, true), b = pieces.cut(piece, false);
  const int64_t end_a = pieces.cut(piece + 1, true), end_b = pieces.cut(piece + 1, false);
  while (a < end_a && b < end_b) {
    const int64_t key_a = keys_a[a], key_b = keys_b[b];
    visit(std::min(key_a, key_b), a, b);
    a += key_a <= key_b;
    b += key_b <= key_a;
  }
  for (; a < end_a; ++a) visit(keys_a[a], a, -1);
  for (; b < end_b; ++b) visit(keys_b[b], -1, b);
}

}  // namespace

int64_t union_set_workspace_bytes(const UnionSetParams& params) {
  UnionSetParams sizes = params;
  sizes.workspace = nullptr;
  return Pieces(sizes).arena.bytes();
}

void union_set_count(const UnionSetParams& params, ParallelFor parallel_for) {
  const Pieces pieces(params);
  for_ranges(parallel_for, 0, pieces.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      int64_t members = 0;
      merge_piece(pieces, piece, [&](int64_t, int64_t, int64_t) { ++members; });
      pieces.starts[piece] = members;
    }
  });
  params.counts[0] = exclusive_sum(pieces.starts, pieces.count);
}

void union_set_fill(const UnionSetParams& params, ParallelFor parallel_for) {
  const Pieces pieces(params);
  for_ranges(parallel_for, 0, pieces.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      int64_t row = pieces.starts[piece];
      merge_piece(pieces, piece, [&](int64_t key, int64_t a, int64_t b) {
        params.keys[row] = key;
        if (a >= 0) params.rows_a[a] = static_cast<int32_t>(row);
        if (b >= 0) params.rows_b[b] = static_cast<int32_t>(row);
        params.inverse_a[row] = a >= 0 && params.keys_a[a] == key ? static_cast<int32_t>(a) : -1;
        params.inverse_b[row] = b >= 0 && params.keys_b[b] == key ? static_cast<int32_t>(b) : -1;
        ++row;
      });
    }
  });
}

}  // namespace completion::cpu
