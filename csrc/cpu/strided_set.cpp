// strided_set on the CPU: floor each coordinate; a power of two keeps the order, any other stride sorts.
#include "completion/strided_set.h"

#include <atomic>

#include "completion/key.h"
#include "scan.h"
#include "sort.h"

namespace completion::cpu {
namespace {

struct Scratch {
  Arena arena;
  SortArrays<int32_t> sorted;  // codes of the parents with their child rows
  int64_t* chunk_starts;

  explicit Scratch(const StridedSetParams& params)
      : arena(params.workspace),
        sorted(arena, params.num_rows),
        chunk_starts(arena.take<int64_t>(num_chunks(params.num_rows) + 1)) {}

  bool is_head(int64_t i) const { return i == 0 || sorted.codes[i] != sorted.codes[i - 1]; }
};

int32_t floor_multiple(int32_t value, int32_t stride) {
  const int32_t remainder = value % stride;
  return value - (remainder < 0 ? remainder + stride : remainder);
}

/// Writes the code of the parent; false where the parent is out of range.
bool parent_code(int64_t key, const int32_t* stride, uint64_t* code) {
  int32_t c[4];
  decode_key(key, c);
  for (int axis = 0; axis < 3; ++axis) c[axis + 1] = floor_multiple(c[axis + 1], stride[axis]);
  if (!in_range(c[1], c[2], c[3])) return false;
  *code = key_to_code(encode_key(c[0], c[1], c[2], c[3]));
  return true;
}

}  // namespace

int64_t strided_set_workspace_bytes(const StridedSetParams& params) {
  StridedSetParams sizes = params;
  sizes.workspace = nullptr;
  return Scratch(sizes).arena.bytes();
}

void strided_set_count(const StridedSetParams& params, ParallelFor parallel_for) {
  const Scratch scratch(params);
  std::atomic<int64_t> outside{0};
  const bool masks = strided_order_kept(params.stride);
  const uint64_t step = static_cast<uint64_t>(params.stride[0]);
  const uint64_t kept_bits = masks ? ~(step * step * step - 1) : 0;  // step³ − 1 = the Morton bits below the stride
  for_ranges(parallel_for, 0, params.num_rows, kScanChunk, [&](int64_t begin, int64_t end) {
    int64_t refused = 0;
    for (int64_t row = begin; row < end; ++row) {
      uint64_t code = key_to_code(params.keys[row]) & kept_bits;
      if (!masks) refused += parent_code(params.keys[row], params.stride, &code) ? 0 : 1;
      scratch.sorted.codes[row] = code;
      scratch.sorted.payloads[row] = static_cast<int32_t>(row);
    }
    outside += refused;
  });
  if (!masks) sort_by_code(parallel_for, scratch.sorted, params.num_rows);
  params.counts[0] =
      count_heads(parallel_for, params.num_rows, scratch.chunk_starts, [&](int64_t i) { return scratch.is_head(i); });
  params.counts[1] = outside;
}

void strided_set_fill(const StridedSetParams& params, ParallelFor parallel_for) {
  const Scratch scratch(params);
  visit_groups(
      parallel_for, params.num_rows, scratch.chunk_starts, [&](int64_t i) { return scratch.is_head(i); },
      [&](int64_t i, int64_t group, bool head) {
        params.parent[scratch.sorted.payloads[i]] = static_cast<int32_t>(group);
        if (head) params.parent_keys[group] = code_to_key(scratch.sorted.codes[i]);
      });
}

}  // namespace completion::cpu
