// generative_set on the CPU: children are marked as bits of 4³ bricks, then emitted brick by brick in canonical order.
#include "completion/generative_set.h"

#include <algorithm>
#include <vector>

#include "aligned.h"
#include "arena.h"
#include "bricks.h"
#include "completion/key.h"
#include "neighbourhood.h"
#include "scan.h"
#include "sort.h"

namespace completion::cpu {
namespace {

constexpr int64_t kParentsOfPart = 4096;  // at most: enough to keep a thread busy, so few that their bricks stay close

/// Bricks that grow as children arrive; find-or-insert by code.
class GrowingBricks {
 public:
  GrowingBricks() { rehash(1024); }

  int32_t insert(uint64_t id) {
    uint64_t slot = hash().find(bricks_.data(), id);
    if (slots_[slot] < 0) {
      if (2 * (bricks_.size() + 1) > slots_.size()) {
        rehash(static_cast<int64_t>(bricks_.size()) * 2);
        slot = hash().find(bricks_.data(), id);
      }
      slots_[slot] = static_cast<int32_t>(bricks_.size());
      bricks_.push_back({id, 0, 0});
    }
    return slots_[slot];
  }

  std::vector<Brick>& bricks() { return bricks_; }

 private:
  BrickHash hash() { return {slots_.data(), slots_.size() - 1}; }

  void rehash(int64_t capacity) {
    slots_.assign(slots_for(capacity), -1);
    for (size_t i = 0; i < bricks_.size(); ++i) {
      slots_[hash().find(bricks_.data(), bricks_[i].id)] = static_cast<int32_t>(i);
    }
  }

  std::vector<Brick> bricks_;
  std::vector<int32_t> slots_;
};

/// What count leaves for fill, at the start of the workspace; the sorted bricks follow.
struct Header {
  int64_t num_bricks;
  int64_t unit_shift;
};

struct Scratch {
  Arena arena;
  Header* header;
  Brick* bricks;  // room for one brick per pair of parent and offset; only the bricks that exist are touched

  explicit Scratch(const GenerativeSetParams& params)
      : arena(params.workspace),
        header(arena.take<Header>(1)),
        bricks(arena.take<Brick>(params.num_rows * params.offsets.count)) {}
};

int common_unit_shift(const GenerativeSetParams& params) {
  uint64_t bits = used_bits(params.offsets);
  for (int64_t row = 0; row < params.num_rows; ++row) bits |= key_to_code(params.keys[row]) & kMortonBits;
  return unit_shift_of(bits);
}

/// Adds the children marked around one brick of parents to their bricks; returns not 0 if some are out of range.
int64_t insert_marks(uint64_t id, const Neighbourhood& neighbourhood, int unit_shift, std::vector<uint64_t>& marks,
                     GrowingBricks& growing) {
  int64_t outside = 0;
  for (size_t i = 0; i < marks.size(); ++i) {
    if (marks[i] == 0) continue;
    uint64_t code;
    if (add_offset(id << kCellBits << unit_shift, neighbourhood.bricks[i], &code)) {
      const int32_t brick = growing.insert(code >> unit_shift >> kCellBits);
      growing.bricks()[brick].occupancy |= marks[i];
    } else {
      outside += __builtin_popcountll(marks[i]);
    }
    marks[i] = 0;
  }
  return outside;
}

/// Marks the children of the parents begin … end − 1 in their bricks; returns not 0 if some are out of range.
int64_t mark_children(const GenerativeSetParams& params, const Neighbourhood& neighbourhood, int unit_shift,
                      int64_t begin, int64_t end, GrowingBricks& growing) {
  std::vector<uint64_t> marks(neighbourhood.bricks.size());  // children of the parents of one brick
  int64_t outside = 0;
  for (int64_t row = begin; row < end; ++row) {
    const uint64_t parent = key_to_code(params.keys[row]) >> unit_shift;
    for (const Neighbour& neighbour : neighbourhood.of_cell(parent & 63)) marks[neighbour.brick] |= neighbour.cells;
    const uint64_t id = parent >> kCellBits;
    const bool last = row + 1 == end || key_to_code(params.keys[row + 1]) >> unit_shift >> kCellBits != id;
    if (last) outside += insert_marks(id, neighbourhood, unit_shift, marks, growing);
  }
  return outside;
}

/// What some of the parents grow; parts may share bricks.
struct Part {
  GrowingBricks growing;
  int64_t outside = 0;
};

std::vector<Part> grow(const GenerativeSetParams& params, int unit_shift, ParallelFor parallel_for) {
  const Neighbourhood neighbourhood(params.offsets, unit_shift);
  std::vector<Part> parts(num_chunks(params.num_rows, kParentsOfPart));
  const auto grow_part = [&](int64_t part, int64_t begin, int64_t end) {
    parts[part].outside = mark_children(params, neighbourhood, unit_shift, begin, end, parts[part].growing);
  };
  for_chunks(parallel_for, params.num_rows, grow_part, kParentsOfPart);
  return parts;
}

/// Writes the bricks of all parts to the workspace in ascending order, those of the same place as one; returns how
/// many there are.
int64_t unite(std::vector<Part>& parts, const Scratch& scratch, ParallelFor parallel_for) {
  int64_t total = 0;
  for (Part& part : parts) total += static_cast<int64_t>(part.growing.bricks().size());
  Arena sizes(nullptr);
  SortArrays<uint64_t>(sizes, total);
  const AlignedScratch<char> memory(sizes.bytes());
  Arena arena(memory.data());
  const SortArrays<uint64_t> sorted(arena, total);  // by id, with the occupancy
  int64_t i = 0;
  for (Part& part : parts) {
    for (const Brick& brick : part.growing.bricks()) {
      sorted.codes[i] = brick.id;
      sorted.payloads[i++] = brick.occupancy;
    }
  }
  sort_by_code(parallel_for, sorted, total);
  int64_t count = 0;
  for (i = 0; i < total; ++i) {
    if (i == 0 || sorted.codes[i] != sorted.codes[i - 1]) scratch.bricks[count++] = {sorted.codes[i], 0, 0};
    scratch.bricks[count - 1].occupancy |= sorted.payloads[i];
  }
  return count;
}

/// Sets the number of children before each brick; returns all children.
int64_t number_children(Brick* bricks, int64_t count) {
  int64_t children = 0;
  for (int64_t i = 0; i < count; ++i) {
    bricks[i].base = children;
    children += __builtin_popcountll(bricks[i].occupancy);
  }
  return children;
}

}  // namespace

int64_t generative_set_workspace_bytes(const GenerativeSetParams& params) {
  GenerativeSetParams sizes = params;
  sizes.workspace = nullptr;
  return Scratch(sizes).arena.bytes();
}

void generative_set_count(const GenerativeSetParams& params, ParallelFor parallel_for) {
  const Scratch scratch(params);
  const int unit_shift = common_unit_shift(params);
  std::vector<Part> parts = grow(params, unit_shift, parallel_for);
  const int64_t num_bricks = unite(parts, scratch, parallel_for);
  params.counts[0] = number_children(scratch.bricks, num_bricks);
  params.counts[1] = 0;
  for (const Part& part : parts) params.counts[1] += part.outside;
  params.counts[2] = num_bricks;
  params.counts[3] = 0;
  *scratch.header = {num_bricks, unit_shift};
}

void generative_set_fill(const GenerativeSetParams& params, ParallelFor parallel_for) {
  const Scratch scratch(params);
  const int unit_shift = static_cast<int>(scratch.header->unit_shift);
  for_ranges(parallel_for, 0, scratch.header->num_bricks, 256, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Brick& brick = scratch.bricks[i];
      int64_t* child = params.child_keys + brick.base;
      for (uint64_t cells = brick.occupancy; cells != 0; cells &= cells - 1) {
        const uint64_t cell = static_cast<uint64_t>(__builtin_ctzll(cells));
        *child++ = code_to_key((brick.id << kCellBits | cell) << unit_shift);
      }
    }
  });
}

}  // namespace completion::cpu
