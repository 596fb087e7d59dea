// pyramid on the CPU: chunks of rows count the cells that begin in them, then write them.
#include "completion/pyramid.h"

#include "arena.h"
#include "scan.h"

namespace completion::cpu {
namespace {

struct Scratch {
  Arena arena;
  int64_t* starts;  // [L][chunks + 1] cells before each chunk

  explicit Scratch(const PyramidParams& params)
      : arena(params.workspace), starts(arena.take<int64_t>(params.num_levels * (num_chunks(params.num_rows) + 1))) {}

  int64_t* of_level(const PyramidParams& params, int32_t level) const {
    return starts + (level - 1) * (num_chunks(params.num_rows) + 1);
  }
};

}  // namespace

int64_t pyramid_workspace_bytes(const PyramidParams& params) {
  PyramidParams sizes = params;
  sizes.workspace = nullptr;
  return Scratch(sizes).arena.bytes();
}

void pyramid_count(const PyramidParams& params, ParallelFor parallel_for) {
  const Scratch scratch(params);
  for_chunks(parallel_for, params.num_rows, [&](int64_t chunk, int64_t begin, int64_t end) {
    int64_t of_height[kMaxLevels + 1] = {};
    for (int64_t row = begin; row < end; ++row) ++of_height[height_of(params, row)];
    int64_t cells = 0;
    for (int32_t level = params.num_levels; level > 0; --level) {
      scratch.of_level(params, level)[chunk] = cells += of_height[level];
    }
  });
  for (int32_t level = 1; level <= params.num_levels; ++level) {
    params.counts[level - 1] = exclusive_sum(scratch.of_level(params, level), num_chunks(params.num_rows));
  }
}

void pyramid_fill(const PyramidParams& params, ParallelFor parallel_for) {
  const Scratch scratch(params);
  for_chunks(parallel_for, params.num_rows, [&](int64_t chunk, int64_t begin, int64_t end) {
    int64_t next[kMaxLevels + 1];  // row of each level that comes next
    next[0] = begin;
    for (int32_t level = 1; level <= params.num_levels; ++level) next[level] = scratch.of_level(params, level)[chunk];
    for (int64_t row = begin; row < end; ++row) {
      const int32_t height = height_of(params, row);
      ++next[0];
      for (int32_t level = 1; level <= height; ++level) {
        params.level_keys[level - 1][next[level]++] = cell_key(params, params.keys[row], level);
      }
      // The row begins a row of every level up to its height, and each has its cell one level up.
      for (int32_t level = 0; level <= height && level < params.num_levels; ++level) {
        params.parents[level][next[level] - 1] = static_cast<int32_t>(next[level + 1] - 1);
      }
    }
  });
}

}  // namespace completion::cpu
