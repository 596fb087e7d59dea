// kernel_pairs on the CPU: a kernel map, scattered into a table of −1, and the order of its rows.
#include "completion/kernel_pairs.h"

#include <algorithm>

#include "arena.h"
#include "completion/kernel_map.h"
#include "completion/row_order.h"

namespace completion::cpu {
namespace {

/// The kernel map in this operator's scratch memory.
struct Scratch {
  Arena arena;
  KernelMapParams map = {};

  explicit Scratch(const KernelPairsParams& params) : arena(params.workspace) {
    map.source_keys = params.source_keys;
    map.target_keys = params.target_keys;
    map.num_source = params.num_source;
    map.num_target = params.num_target;
    map.offsets = params.offsets;
    map.table = arena.take<int32_t>(params.num_target * params.offsets.count);
    map.workspace_bytes = kernel_map_workspace_bytes(map);
    map.workspace = arena.take<char>(map.workspace_bytes);
  }
};

void scatter_pairs(const KernelPairsParams& params, const int32_t* table, ParallelFor parallel_for) {
  const int64_t num_offsets = params.offsets.count;
  for_ranges(parallel_for, 0, params.num_source * params.num_slots, 65536,
             [&](int64_t begin, int64_t end) { std::fill(params.pairs + begin, params.pairs + end, -1); });
  for_ranges(parallel_for, 0, params.num_target, 2048, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      for (int32_t k = 0; k < num_offsets; ++k) {
        const int64_t row = table[m * num_offsets + k];
        if (row >= 0) params.pairs[row * params.num_slots + params.slots[k]] = pack_pair(static_cast<int32_t>(m), k);
      }
    }
  });
}

}  // namespace

int64_t kernel_pairs_workspace_bytes(const KernelPairsParams& params) {
  KernelPairsParams sizes = params;
  sizes.workspace = nullptr;
  return Scratch(sizes).arena.bytes();
}

void kernel_pairs(const KernelPairsParams& params, ParallelFor parallel_for) {
  const Scratch scratch(params);
  kernel_map(scratch.map, parallel_for);
  scatter_pairs(params, scratch.map.table, parallel_for);
  std::copy_n(params.slots, params.offsets.count, params.offset_slots);
  row_order({params.pairs, params.num_source, params.num_slots, true, params.order, nullptr, 0}, parallel_for);
}

}  // namespace completion::cpu
