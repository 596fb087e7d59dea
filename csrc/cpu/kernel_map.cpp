// kernel_map and reverse_map on the CPU: look-ups are bit arithmetic on the source's 4³ bricks.
#include "completion/kernel_map.h"

#include <algorithm>
#include <atomic>

#include "bricks.h"
#include "completion/key.h"
#include "scan.h"

namespace completion::cpu {
namespace {

struct Scratch {
  Arena arena;
  int64_t* chunk_starts;
  Brick* bricks;   // room for one brick per source row
  int32_t* slots;  // room for slots_for(N)

  explicit Scratch(const KernelMapParams& params)
      : arena(params.workspace),
        chunk_starts(arena.take<int64_t>(num_chunks(params.num_source) + 1)),
        bricks(arena.take<Brick>(params.num_source)),
        slots(arena.take<int32_t>(slots_for(params.num_source))) {}
};

struct SourceBricks {
  const Brick* bricks;
  BrickHash hash;
  int unit_shift;
};

int common_unit_shift(const KernelMapParams& params, ParallelFor parallel_for) {
  std::atomic<uint64_t> bits{0};
  for_ranges(parallel_for, 0, params.num_source, kScanChunk, [&](int64_t begin, int64_t end) {
    uint64_t local = 0;
    for (int64_t row = begin; row < end; ++row) local |= key_to_code(params.source_keys[row]) & kMortonBits;
    bits |= local;
  });
  return unit_shift_of(bits);
}

/// Groups the ascending source rows into bricks and hashes them.
SourceBricks build_bricks(const KernelMapParams& params, const Scratch& scratch, ParallelFor parallel_for) {
  const int unit_shift = common_unit_shift(params, parallel_for);
  const auto code = [&](int64_t row) { return key_to_code(params.source_keys[row]) >> unit_shift; };
  const auto is_head = [&](int64_t row) { return row == 0 || code(row) >> kCellBits != code(row - 1) >> kCellBits; };
  const int64_t count = count_heads(parallel_for, params.num_source, scratch.chunk_starts, is_head);
  visit_groups(parallel_for, params.num_source, scratch.chunk_starts, is_head,
               [&](int64_t row, int64_t group, bool head) {
                 if (!head) return;
                 Brick brick{code(row) >> kCellBits, 0, row};
                 for (int64_t i = row; i < params.num_source && code(i) >> kCellBits == brick.id; ++i) {
                   brick.occupancy |= uint64_t{1} << (code(i) & 63);
                 }
                 scratch.bricks[group] = brick;
               });
  const int64_t slots = slots_for(count);
  std::fill(scratch.slots, scratch.slots + slots, -1);
  const BrickHash hash{scratch.slots, static_cast<uint64_t>(slots - 1)};
  for (int64_t i = 0; i < count; ++i) {
    hash.slots[hash.find(scratch.bricks, scratch.bricks[i].id)] = static_cast<int32_t>(i);
  }
  return {scratch.bricks, hash, unit_shift};
}

/// Look-ups of one offset: successive targets in canonical order mostly fall into the brick of the one before.
struct OffsetLookup {
  MortonOffset offset;
  uint64_t last_id = ~uint64_t{0};
  const Brick* last = nullptr;

  int32_t row_at(const SourceBricks& source, uint64_t target) {
    uint64_t code;
    if (!add_offset(target, offset, &code) || (code & ((uint64_t{1} << source.unit_shift) - 1)) != 0) return -1;
    const uint64_t id = code >> source.unit_shift >> kCellBits;
    if (id != last_id) {
      const int32_t index = source.hash.slots[source.hash.find(source.bricks, id)];
      last = index < 0 ? nullptr : source.bricks + index;
      last_id = id;
    }
    const uint64_t cell = uint64_t{1} << ((code >> source.unit_shift) & 63);
    if (last == nullptr || (last->occupancy & cell) == 0) return -1;
    return static_cast<int32_t>(last->base + __builtin_popcountll(last->occupancy & (cell - 1)));
  }
};

}  // namespace

int64_t kernel_map_workspace_bytes(const KernelMapParams& params) {
  KernelMapParams sizes = params;
  sizes.workspace = nullptr;
  return Scratch(sizes).arena.bytes();
}

void kernel_map(const KernelMapParams& params, ParallelFor parallel_for) {
  const SourceBricks source = build_bricks(params, Scratch(params), parallel_for);
  const int32_t count = params.offsets.count;
  for_ranges(parallel_for, 0, params.num_target, 512, [&](int64_t begin, int64_t end) {
    OffsetLookup lookups[kMaxOffsets];
    for (int32_t k = 0; k < count; ++k) {
      const int32_t* xyz = params.offsets.xyz + 3 * k;
      lookups[k].offset = morton_offset(xyz[0], xyz[1], xyz[2]);
    }
    for (int64_t m = begin; m < end; ++m) {
      const uint64_t target = key_to_code(params.target_keys[m]);
      for (int32_t k = 0; k < count; ++k) params.table[m * count + k] = lookups[k].row_at(source, target);
    }
  });
}

void reverse_map(const ReverseMapParams& params, ParallelFor parallel_for) {
  const int64_t count = params.num_offsets;
  for_ranges(parallel_for, 0, params.num_source * count, 65536,
             [&](int64_t begin, int64_t end) { std::fill(params.reverse + begin, params.reverse + end, -1); });
  for_ranges(parallel_for, 0, params.num_target, 2048, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      for (int64_t k = 0; k < count; ++k) {
        const int64_t row = params.table[m * count + k];
        if (row >= 0) params.reverse[row * count + k] = static_cast<int32_t>(m);
      }
    }
  });
}

}  // namespace completion::cpu
