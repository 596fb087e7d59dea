// generative_set on the CPU: children are marked as bits of 4³ bricks, then emitted brick by brick in canonical order.
#include "completion/generative_set.h"

#include <algorithm>
#include <vector>

#include "arena.h"
#include "bricks.h"
#include "completion/key.h"
#include "neighbourhood.h"

namespace completion::cpu {
namespace {

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

/// Adds the children marked around one brick of parents to their bricks; returns how many are out of range.
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

/// Marks every child in its brick; returns the number of children out of range.
int64_t mark_children(const GenerativeSetParams& params, int unit_shift, GrowingBricks& growing) {
  const Neighbourhood neighbourhood(params.offsets, unit_shift);
  std::vector<uint64_t> marks(neighbourhood.bricks.size());  // children of the parents of one brick
  int64_t outside = 0;
  for (int64_t row = 0; row < params.num_rows; ++row) {
    const uint64_t parent = key_to_code(params.keys[row]) >> unit_shift;
    for (const Neighbour& neighbour : neighbourhood.of_cell(parent & 63)) marks[neighbour.brick] |= neighbour.cells;
    const uint64_t id = parent >> kCellBits;
    const bool last = row + 1 == params.num_rows || key_to_code(params.keys[row + 1]) >> unit_shift >> kCellBits != id;
    if (last) outside += insert_marks(id, neighbourhood, unit_shift, marks, growing);
  }
  return outside;
}

/// Copies the bricks to the workspace in ascending order, with the number of children before each; returns all
/// children.
int64_t order_bricks(std::vector<Brick>& bricks, const Scratch& scratch) {
  std::sort(bricks.begin(), bricks.end(), [](const Brick& a, const Brick& b) { return a.id < b.id; });
  int64_t children = 0;
  for (size_t i = 0; i < bricks.size(); ++i) {
    scratch.bricks[i] = bricks[i];
    scratch.bricks[i].base = children;
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

void generative_set_count(const GenerativeSetParams& params, ParallelFor) {
  const Scratch scratch(params);
  const int unit_shift = common_unit_shift(params);
  GrowingBricks growing;
  params.counts[1] = mark_children(params, unit_shift, growing);
  params.counts[0] = order_bricks(growing.bricks(), scratch);
  *scratch.header = {static_cast<int64_t>(growing.bricks().size()), unit_shift};
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
