// coordinate_set on the CPU: one stable radix sort, then a numbering of the first row of each key.
#include "completion/coordinate_set.h"

#include "completion/key.h"
#include "scan.h"
#include "sort.h"

namespace completion::cpu {
namespace {

struct Scratch {
  Arena arena;
  SortArrays<int32_t> sorted;  // codes with their input rows
  int64_t* chunk_starts;

  explicit Scratch(const CoordinateSetParams& params)
      : arena(params.workspace),
        sorted(arena, params.num_rows),
        chunk_starts(arena.take<int64_t>(num_chunks(params.num_rows) + 1)) {}

  bool is_head(int64_t i) const { return i == 0 || sorted.codes[i] != sorted.codes[i - 1]; }
};

}  // namespace

int64_t coordinate_set_workspace_bytes(const CoordinateSetParams& params) {
  CoordinateSetParams sizes = params;
  sizes.workspace = nullptr;
  return Scratch(sizes).arena.bytes();
}

void coordinate_set_count(const CoordinateSetParams& params, ParallelFor parallel_for) {
  const Scratch scratch(params);
  for_ranges(parallel_for, 0, params.num_rows, kScanChunk, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      scratch.sorted.codes[row] = key_to_code(params.keys[row]);
      scratch.sorted.payloads[row] = static_cast<int32_t>(row);
    }
  });
  sort_by_code(parallel_for, scratch.sorted, params.num_rows);
  params.counts[0] =
      count_heads(parallel_for, params.num_rows, scratch.chunk_starts, [&](int64_t i) { return scratch.is_head(i); });
}

void coordinate_set_fill(const CoordinateSetParams& params, ParallelFor parallel_for) {
  const Scratch scratch(params);
  visit_groups(
      parallel_for, params.num_rows, scratch.chunk_starts, [&](int64_t i) { return scratch.is_head(i); },
      [&](int64_t i, int64_t voxel, bool head) {
        const int32_t row = scratch.sorted.payloads[i];
        params.rows[row] = static_cast<int32_t>(voxel);
        if (head) {
          params.voxel_keys[voxel] = code_to_key(scratch.sorted.codes[i]);
          params.first[voxel] = row;
        }
      });
}

}  // namespace completion::cpu
