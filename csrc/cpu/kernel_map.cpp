// kernel_map and reverse_map on the CPU: each brick of targets finds its neighbours once,
// then every look-up is bit arithmetic.
#include "completion/kernel_map.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "bricks.h"
#include "completion/key.h"
#include "instruction_set.h"
#include "neighbourhood.h"
#include "scan.h"

namespace completion::cpu {
namespace {

struct Scratch {
  Arena arena;
  int64_t* chunk_counts;
  Brick* bricks;   // room for one brick per source row
  int32_t* slots;  // room for slots_for(N)

  explicit Scratch(const KernelMapParams& params)
      : arena(params.workspace),
        chunk_counts(arena.take<int64_t>(num_chunks(params.num_source))),
        bricks(arena.take<Brick>(params.num_source)),
        slots(arena.take<int32_t>(slots_for(params.num_source))) {}
};

struct SourceBricks {
  const Brick* bricks;
  BrickHash hash;
  int unit_shift;
};

/// Code bits in which any of these keys differs from a multiple of larger strides.
uint64_t used_key_bits(const int64_t* keys, int64_t num_keys, ParallelFor parallel_for) {
  std::atomic<uint64_t> bits{0};
  for_ranges(parallel_for, 0, num_keys, kScanChunk, [&](int64_t begin, int64_t end) {
    uint64_t local = 0;
    for (int64_t row = begin; row < end; ++row) local |= key_to_code(keys[row]);
    bits |= local & kMortonBits;
  });
  return bits;
}

/// Unit of which source, targets and offsets all are multiples.
int common_unit_shift(const KernelMapParams& params, ParallelFor parallel_for) {
  return unit_shift_of(used_key_bits(params.source_keys, params.num_source, parallel_for) |
                       used_key_bits(params.target_keys, params.num_target, parallel_for) | used_bits(params.offsets));
}

/// Groups the ascending source rows into bricks, in order; returns how many there are.
int64_t group_rows(const KernelMapParams& params, int unit_shift, const Scratch& scratch, ParallelFor parallel_for) {
  const int64_t rows = params.num_source;
  const auto code = [&](int64_t row) { return key_to_code(params.source_keys[row]) >> unit_shift; };
  const auto id = [&](int64_t row) { return code(row) >> kCellBits; };
  // Each chunk writes the bricks that begin in it to its own part of the room, and reads the last one to its end.
  for_chunks(parallel_for, rows, [&](int64_t chunk, int64_t begin, int64_t end) {
    int64_t row = begin;
    while (row > 0 && row < end && id(row) == id(row - 1)) ++row;
    Brick* next = scratch.bricks + begin;
    while (row < end) {
      Brick brick{id(row), 0, row};
      do {
        brick.occupancy |= uint64_t{1} << (code(row) & 63);
        ++row;
      } while (row < rows && id(row) == brick.id);
      *next++ = brick;
    }
    scratch.chunk_counts[chunk] = next - (scratch.bricks + begin);
  });
  int64_t count = 0;
  for (int64_t chunk = 0; chunk < num_chunks(rows); ++chunk) {
    const Brick* const first = scratch.bricks + chunk_begin(chunk, rows);
    std::copy(first, first + scratch.chunk_counts[chunk], scratch.bricks + count);
    count += scratch.chunk_counts[chunk];
  }
  return count;
}

/// The bricks of the source rows, hashed.
SourceBricks build_bricks(const KernelMapParams& params, const Scratch& scratch, ParallelFor parallel_for) {
  const int unit_shift = common_unit_shift(params, parallel_for);
  const int64_t count = group_rows(params, unit_shift, scratch, parallel_for);
  const int64_t slots = slots_for(count);
  std::fill(scratch.slots, scratch.slots + slots, -1);
  const BrickHash hash{scratch.slots, static_cast<uint64_t>(slots - 1)};
  for (int64_t i = 0; i < count; ++i) {
    hash.slots[hash.find(scratch.bricks, scratch.bricks[i].id)] = static_cast<int32_t>(i);
  }
  return {scratch.bricks, hash, unit_shift};
}

/// The neighbours of one brick of targets: cells that are occupied, and rows before the brick's first.
struct Found {
  std::vector<uint64_t> occupancy;
  std::vector<int32_t> base;
};

/// Rows of the cells that `entries` name (index of the brick << 6 | cell), −1 where a cell is empty.
using LookUp = void (*)(const uint32_t* entries, int64_t count, const Found& found, int32_t* row);

void look_up_cells(const uint32_t* entries, int64_t count, const Found& found, int32_t* row) {
  for (int64_t k = 0; k < count; ++k) {
    // No branch: whether a neighbour exists is close to a coin toss.
    const uint64_t occupancy = found.occupancy[entries[k] >> kCellBits];
    const uint32_t cell = entries[k] & 63;
    const int32_t rank =
        found.base[entries[k] >> kCellBits] + __builtin_popcountll(occupancy & ~(~uint64_t{0} << cell));
    row[k] = rank | (static_cast<int32_t>((occupancy >> cell) & 1) - 1);
  }
}

#ifdef COMPLETION_X86_SETS
/// Eight at once.
__attribute__((target("avx512f,avx512dq,avx512vl,avx512vpopcntdq"))) void look_up_cells_avx512(const uint32_t* entries,
                                                                                               int64_t count,
                                                                                               const Found& found,
                                                                                               int32_t* row) {
  const __m512i one = _mm512_set1_epi64(1);
  for (int64_t k = 0; k < count; k += 8) {
    const auto some = static_cast<__mmask8>(count - k < 8 ? (1u << (count - k)) - 1 : 0xff);
    const __m256i entry = _mm256_maskz_loadu_epi32(some, entries + k);
    const __m256i brick = _mm256_srli_epi32(entry, kCellBits);
    const __m512i bit = _mm512_sllv_epi64(one, _mm512_cvtepu32_epi64(_mm256_and_si256(entry, _mm256_set1_epi32(63))));
    const __m512i occupancy = _mm512_i32gather_epi64(brick, found.occupancy.data(), 8);
    const __m256i base = _mm256_i32gather_epi32(found.base.data(), brick, 4);
    const __m512i before = _mm512_popcnt_epi64(_mm512_and_si512(occupancy, _mm512_sub_epi64(bit, one)));
    const __m256i rank = _mm256_add_epi32(base, _mm512_cvtepi64_epi32(before));
    const __mmask8 present = _mm512_test_epi64_mask(occupancy, bit);
    _mm256_mask_storeu_epi32(row + k, some, _mm256_mask_mov_epi32(_mm256_set1_epi32(-1), present, rank));
  }
}
#endif

LookUp choose_look_up() {
#ifdef COMPLETION_X86_SETS
  if (instruction_set() == InstructionSet::avx512 && __builtin_cpu_supports("avx512vpopcntdq")) {
    return look_up_cells_avx512;
  }
#endif
  return look_up_cells;
}

/// The neighbours of one brick of targets, each found when a target first needs it.
class Neighbours {
 public:
  Neighbours(const SourceBricks& source, const Neighbourhood& neighbourhood)
      : source_(source),
        neighbourhood_(neighbourhood),
        found_{std::vector<uint64_t>(neighbourhood.bricks.size()), std::vector<int32_t>(neighbourhood.bricks.size())},
        found_for_(neighbourhood.bricks.size(), ~uint64_t{0}) {}

  /// Writes the table row of one target.
  void look_up(uint64_t target, int32_t* row, int64_t count) {
    static const LookUp look_up_cells = choose_look_up();
    const uint64_t id = target >> source_.unit_shift >> kCellBits, cell = (target >> source_.unit_shift) & 63;
    for (const Neighbour& neighbour : neighbourhood_.of_cell(cell)) {
      if (found_for_[neighbour.brick] != id) find(id, neighbour.brick);
    }
    look_up_cells(neighbourhood_.entries.data() + cell * count, count, found_, row);
  }

 private:
  void find(uint64_t id, uint32_t neighbour) {
    found_for_[neighbour] = id;
    found_.occupancy[neighbour] = 0;
    uint64_t code;
    if (!add_offset(id << kCellBits << source_.unit_shift, neighbourhood_.bricks[neighbour], &code)) return;
    const uint64_t brick = code >> source_.unit_shift >> kCellBits;
    const int32_t index = source_.hash.slots[source_.hash.find(source_.bricks, brick)];
    if (index < 0) return;
    found_.occupancy[neighbour] = source_.bricks[index].occupancy;
    found_.base[neighbour] = static_cast<int32_t>(source_.bricks[index].base);
  }

  const SourceBricks& source_;
  const Neighbourhood& neighbourhood_;
  Found found_;
  std::vector<uint64_t> found_for_;  // the brick of targets that each neighbour was found for
};

}  // namespace

int64_t kernel_map_workspace_bytes(const KernelMapParams& params) {
  KernelMapParams sizes = params;
  sizes.workspace = nullptr;
  return Scratch(sizes).arena.bytes();
}

void kernel_map(const KernelMapParams& params, ParallelFor parallel_for) {
  const SourceBricks source = build_bricks(params, Scratch(params), parallel_for);
  const Neighbourhood neighbourhood(params.offsets, source.unit_shift);
  const int64_t count = params.offsets.count;
  for_ranges(parallel_for, 0, params.num_target, 256, [&](int64_t begin, int64_t end) {
    Neighbours neighbours(source, neighbourhood);
    for (int64_t m = begin; m < end; ++m) {
      neighbours.look_up(key_to_code(params.target_keys[m]), params.table + m * count, count);
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
