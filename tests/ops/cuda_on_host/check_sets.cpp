// Runs the kernels that make coordinate sets on the host against ordered sets of keys.
#include <memory>
#include <set>

#include "../../../csrc/cuda/compaction.cuh"
#include "check.h"
#include "completion/boxed_mask.h"
#include "completion/child_keys.h"
#include "completion/coordinate_set.h"
#include "completion/generative_set.h"
#include "completion/key.h"
#include "completion/pyramid.h"
#include "completion/selected_set.h"
#include "completion/strided_set.h"
#include "completion/union_set.h"

namespace check {
namespace {

using namespace completion;

/// More tiles than the scanning block has threads.
void check_scan(Random& random) {
  std::vector<int32_t> tiles(700), expected;
  int32_t sum = 0;
  for (int32_t& tile : tiles) {
    expected.push_back(sum);
    sum += tile = random.below(2048);
  }
  int64_t total = -1;
  cuda::launch(cuda::scan_tiles, 1, 1, dim3(cuda::kBlockThreads), nullptr, tiles.data(), 700, 5, &total);
  CHECK(tiles == expected && total == 5 + sum, "scan of 700 tiles");
}

void check_coordinate_set(Random& random) {
  for (const int count : kCounts) {
    const std::vector<int64_t> members = keys_of(random_set(random, count / 2 + 1, 1));
    std::vector<int64_t> keys;
    std::map<int64_t, int32_t> first_row;
    for (int i = 0; i < count; ++i) keys.push_back(members[random.below(static_cast<int>(members.size()))]);
    for (int i = count - 1; i >= 0; --i) first_row[keys[i]] = i;
    int64_t num_voxels = -1;
    CoordinateSetParams params = {keys.data(), count, &num_voxels};
    const auto memory = workspace(params, cuda::coordinate_set_workspace_bytes(params));
    CHECK(cuda::coordinate_set_count(params, nullptr) == 0, "count");
    CHECK(num_voxels == static_cast<int64_t>(first_row.size()), "%ld of %d", num_voxels, count);
    std::vector<int64_t> voxel_keys(num_voxels);
    std::vector<int32_t> rows(count), first(num_voxels);
    params.voxel_keys = voxel_keys.data(), params.rows = rows.data(), params.first = first.data();
    CHECK(cuda::coordinate_set_fill(params, nullptr) == 0, "fill");
    int32_t row = 0;
    for (const auto& voxel : first_row) {
      CHECK(voxel_keys[row] == voxel.first && first[row] == voxel.second, "voxel %d", row);
      ++row;
    }
    for (int i = 0; i < count; ++i) CHECK(voxel_keys[rows[i]] == keys[i], "row %d", i);
  }
}

int64_t floor_to(int64_t value, int64_t step) {
  int64_t down = value;
  while ((down + 65536 * step) % step != 0) --down;
  return down;
}

void check_strided_set(Random& random) {
  for (const int count : kCounts) {
    const std::vector<Voxel> strides = {{0, 1, 1, 1}, {0, 2, 2, 2}, {0, 64, 64, 64},
                                        {0, 1, 2, 4}, {0, 3, 3, 3}, {0, 5, 1, 6}};
    for (const Voxel& s : strides) {
      const VoxelSet set = random_set(random, count, 1);
      const std::vector<int64_t> keys = keys_of(set);
      std::set<int64_t> parents;
      std::vector<int64_t> parent_of;
      int64_t refused = 0;
      for (const auto& [key, v] : set) {
        const int64_t x = floor_to(v.x, s.x), y = floor_to(v.y, s.y), z = floor_to(v.z, s.z);
        const bool inside = holds(x, y, z);
        refused += !inside;
        const Voxel cell = {v.batch, static_cast<int32_t>(x), static_cast<int32_t>(y), static_cast<int32_t>(z)};
        parent_of.push_back(inside ? slow_key(cell) : key);
        parents.insert(parent_of.back());
      }
      int64_t counts[2] = {-1, -1};
      StridedSetParams params = {keys.data(), static_cast<int64_t>(keys.size()), {s.x, s.y, s.z}, counts};
      const auto memory = workspace(params, cuda::strided_set_workspace_bytes(params));
      CHECK(cuda::strided_set_count(params, nullptr) == 0, "count");
      CHECK(counts[1] == refused, "%ld refused, stride %d %d %d", counts[1], s.x, s.y, s.z);
      CHECK(counts[0] == static_cast<int64_t>(parents.size()), "%ld, stride %d %d %d", counts[0], s.x, s.y, s.z);
      std::vector<int64_t> parent_keys(counts[0]);
      std::vector<int32_t> parent(keys.size());
      params.parent_keys = parent_keys.data(), params.parent = parent.data();
      CHECK(cuda::strided_set_fill(params, nullptr) == 0, "fill");
      CHECK(parent_keys == std::vector<int64_t>(parents.begin(), parents.end()), "stride %d %d %d", s.x, s.y, s.z);
      for (size_t i = 0; i < keys.size(); ++i) CHECK(parent_keys[parent[i]] == parent_of[i], "row %zu", i);
    }
  }
}

/// Every level against the floors of the voxels themselves.
void check_pyramid(const VoxelSet& set, int stride_bits, int num_levels) {
  const std::vector<int64_t> keys = keys_of(set);
  std::vector<int64_t> counts(num_levels, -1);
  PyramidParams params = {keys.data(), static_cast<int64_t>(keys.size()), stride_bits, num_levels, counts.data()};
  const auto memory = workspace(params, cuda::pyramid_workspace_bytes(params));
  CHECK(cuda::pyramid_count(params, nullptr) == 0, "count");
  std::vector<std::vector<int64_t>> level_keys(num_levels);
  std::vector<std::vector<int32_t>> parents(num_levels);
  for (int level = 0; level < num_levels; ++level) {
    level_keys[level].assign(counts[level], -7);
    parents[level].assign(level == 0 ? keys.size() : counts[level - 1], -7);
    params.level_keys[level] = level_keys[level].data();
    params.parents[level] = parents[level].data();
  }
  CHECK(cuda::pyramid_fill(params, nullptr) == 0, "fill");
  std::vector<int32_t> row(keys.size());  // at the level so far of each voxel
  for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<int32_t>(i);
  for (int level = 0; level < num_levels; ++level) {
    std::set<int64_t> cells;
    const int32_t step = 2 << (stride_bits + level);
    size_t i = 0;
    for (const auto& [key, v] : set) {
      const auto floored = [&](int32_t value) { return static_cast<int32_t>(floor_to(value, step)); };
      const int64_t cell = slow_key({v.batch, floored(v.x), floored(v.y), floored(v.z)});
      cells.insert(cell);
      row[i] = parents[level][row[i]];
      CHECK(level_keys[level][row[i]] == cell, "level %d, row %zu", level, i);
      ++i;
    }
    CHECK(level_keys[level] == std::vector<int64_t>(cells.begin(), cells.end()), "level %d", level);
  }
}

void check_pyramid(Random& random) {
  for (const int count : kCounts) {
    check_pyramid(random_set(random, count, 1), 0, 1);
    check_pyramid(random_set(random, count, 1), 0, 15);
    check_pyramid(random_set(random, count, 4), 2, 5);
    check_pyramid(lone_set(random, count, 1), 0, 6);
  }
}

void check_children(const VoxelSet& set, const KernelOffsets& offsets) {
  const std::vector<int64_t> keys = keys_of(set);
  std::set<int64_t> children;
  int64_t refused = 0;
  for (const auto& [key, v] : set) {
    for (int k = 0; k < offsets.count; ++k) {
      const int32_t* d = offsets.xyz + 3 * k;
      const bool inside = holds(v.x + d[0], v.y + d[1], v.z + d[2]);
      refused += !inside;
      if (inside) children.insert(slow_key({v.batch, v.x + d[0], v.y + d[1], v.z + d[2]}));
    }
  }
  int64_t counts[4] = {-1, -1, -1, -1};
  GenerativeSetParams params = {keys.data(), static_cast<int64_t>(keys.size()), offsets, counts};
  const auto memory = workspace(params, cuda::generative_set_workspace_bytes(params));
  CHECK(cuda::generative_set_count(params, nullptr) == 0, "count");
  const int32_t* d = offsets.xyz;
  CHECK(counts[0] == static_cast<int64_t>(children.size()) && counts[1] == refused,
        "%ld and %ld of %zu and %ld, %d offsets from %d %d %d", counts[0], counts[1], children.size(), refused,
        offsets.count, d[0], d[1], d[2]);
  std::vector<int64_t> child_keys(counts[0]);
  params.child_keys = child_keys.data();
  params.num_bricks = counts[2];
  params.brick_differences = counts[3];
  CHECK(cuda::generative_set_fill(params, nullptr) == 0, "fill");
  CHECK(child_keys == std::vector<int64_t>(children.begin(), children.end()), "%d offsets from %d %d %d", offsets.count,
        d[0], d[1], d[2]);
}

/// Disjoint and overlapping children, at the finest and at coarser strides.
void check_generative_set(Random& random) {
  for (const int count : {0, 1, 150}) {
    for (const int step : {1, 2, 8}) {
      const VoxelSet set = random_set(random, count, 2 * step);
      for (const KernelOffsets& offsets : {cube(0, 1, step), cube(0, 2, step), cube(-1, 3, step), cube(0, 4, step),
                                           cube(-1, 4, step), cube(-3, 7, step), slab(step)}) {
        check_children(set, offsets);
      }
    }
  }
}

/// Cells of 2³ and 4³ children whose stride is a power of two: the same as the general way makes of them.
void check_child_keys(Random& random) {
  for (const int count : kCounts) {
    for (const int stride : {1, 4}) {
      for (const int size : {2, 4}) {
        const std::vector<int64_t> keys = keys_of(random_set(random, count, size * stride));
        std::vector<int64_t> expected;
        for (const int64_t key : keys) {
          int32_t c[4];
          decode_key(key, c);
          std::set<int64_t> cell;
          for (int i = 0; i < size * size * size; ++i) {
            const int x = i % size, y = i / size % size, z = i / size / size;
            cell.insert(slow_key({c[0], c[1] + x * stride, c[2] + y * stride, c[3] + z * stride}));
          }
          expected.insert(expected.end(), cell.begin(), cell.end());
        }
        std::vector<int64_t> children(expected.size(), -1);
        const ChildKeysParams params = {keys.data(), static_cast<int64_t>(keys.size()), size * size * size,
                                        int64_t{stride} * stride * stride, children.data()};
        CHECK(cuda::child_keys(params, nullptr) == 0, "child_keys");
        CHECK(children == expected, "%d parents, cells of %d, stride %d", count, size, stride);
      }
    }
  }
}

/// Parents off the unit of the offsets, children further than the next brick or out of the range, many bricks.
void check_odd_children(Random& random) {
  const VoxelSet set = random_set(random, 150, 1);
  for (const KernelOffsets& offsets : {cube(0, 2, 1), cube(0, 2, 2), cube(-1, 3, 2), cube(-1, 3, 4), cube(-1, 3, 8),
                                       cube(0, 2, 16384), cube(-1, 2, 32768), cube(1, 1, 70000), cube(-1, 3, 3)}) {
    check_children(set, offsets);
    check_children(random_set(random, 150, 32), offsets);
  }
  check_children(lone_set(random, 2000, 2), cube(0, 4, 1));
  check_children(lone_set(random, 300, 1), cube(-1, 3, 64));
  check_children(lone_set(random, 300, 32768), cube(0, 2, 16384));
}

/// Voxels close together, as of shapes: about the origin, away from it, in a plane, in many items.
void check_near_children(Random& random) {
  for (const Voxel& from : {Voxel{0, -20, -20, -20}, Voxel{7, 300, -32768, 9}, Voxel{40, 32700, 64, -1}}) {
    for (const Voxel& size : {Voxel{1, 40, 40, 40}, Voxel{5, 60, 30, 60}, Voxel{1, 60, 1, 60}, Voxel{300, 9, 4, 4}}) {
      for (const int count : {3, 200, 6000}) {
        VoxelSet set;
        for (int i = 0; i < count; ++i) {
          const Voxel v = {from.batch + random.below(size.batch), from.x + random.below(size.x),
                           from.y + random.below(size.y), from.z + random.below(size.z)};
          set[slow_key(v)] = v;
        }
        check_children(set, cube(0, 4, 1));
        check_children(set, cube(-1, 3, 1));
      }
    }
  }
}

/// More parents than the largest grid takes at once.
void check_many_parents(Random& random) { check_children(lone_set(random, 132000, 1), cube(0, 1, 1)); }

void check_union_set(Random& random) {
  for (const int count_a : kCounts) {
    for (const int count_b : kCounts) {
      const std::vector<int64_t> a = keys_of(random_set(random, count_a, 1)),
                                 b = keys_of(random_set(random, count_b, 1));
      std::set<int64_t> all(a.begin(), a.end());
      all.insert(b.begin(), b.end());
      int64_t count = -1;
      const int64_t num_a = a.size(), num_b = b.size();
      UnionSetParams params = {a.data(), b.data(), num_a, num_b, &count};
      const auto memory = workspace(params, cuda::union_set_workspace_bytes(params));
      CHECK(cuda::union_set_count(params, nullptr) == 0, "count");
      CHECK(count == static_cast<int64_t>(all.size()), "%ld", count);
      std::vector<int64_t> keys(count);
      std::vector<int32_t> rows_a(num_a), rows_b(num_b);
      std::vector<int32_t> inverse_a(count, -7), inverse_b(count, -7);
      params.keys = keys.data(), params.rows_a = rows_a.data(), params.rows_b = rows_b.data();
      params.inverse_a = inverse_a.data(), params.inverse_b = inverse_b.data();
      CHECK(cuda::union_set_fill(params, nullptr) == 0, "fill");
      CHECK(keys == std::vector<int64_t>(all.begin(), all.end()), "%ld and %ld", num_a, num_b);
      for (int64_t i = 0; i < num_a; ++i) CHECK(keys[rows_a[i]] == a[i], "a %ld", i);
      for (int64_t i = 0; i < num_b; ++i) CHECK(keys[rows_b[i]] == b[i], "b %ld", i);
      std::vector<int32_t> back_a(count, -1), back_b(count, -1);
      for (int64_t i = 0; i < num_a; ++i) back_a[rows_a[i]] = static_cast<int32_t>(i);
      for (int64_t i = 0; i < num_b; ++i) back_b[rows_b[i]] = static_cast<int32_t>(i);
      CHECK(inverse_a == back_a && inverse_b == back_b, "inverses of %ld and %ld", num_a, num_b);
    }
  }
}

/// Members that a mask selects; M as counted, and too few or too many of a caller who is wrong.
void check_selected_set(Random& random) {
  for (const int count : kCounts) {
    const std::vector<int64_t> keys = keys_of(random_set(random, count, 1));
    const int64_t num_rows = keys.size();
    for (const int of_four : {0, 1, 3, 4}) {
      std::vector<uint8_t> mask(num_rows);
      std::vector<int32_t> selected;
      for (int64_t row = 0; row < num_rows; ++row) {
        mask[row] = random.below(4) < of_four ? 1 + random.below(255) : 0;
        if (mask[row] != 0) selected.push_back(static_cast<int32_t>(row));
      }
      int64_t counted = -1;
      SelectedSetParams params = {keys.data(), mask.data(), num_rows, &counted};
      const auto memory = workspace(params, cuda::selected_set_workspace_bytes(params));
      CHECK(cuda::selected_set_count(params, nullptr) == 0, "count");
      const int64_t num_selected = selected.size();
      CHECK(counted == num_selected, "%ld of %ld", counted, num_selected);
      for (const int64_t said : {num_selected, num_selected / 2, num_rows}) {
        std::vector<int64_t> selected_keys(said, -1);
        std::vector<int32_t> rows(said, -1), inverse(num_rows, -7);
        params.num_selected = said;
        params.selected_keys = selected_keys.data(), params.rows = rows.data(), params.inverse = inverse.data();
        CHECK(cuda::selected_set_fill(params, nullptr) == 0, "fill");
        std::vector<int32_t> back(num_rows, -1);
        for (int64_t place = 0; place < said; ++place) {
          const int32_t row = place < num_selected ? selected[place] : 0;
          if (place < num_selected) back[row] = static_cast<int32_t>(place);
          CHECK(rows[place] == row && selected_keys[place] == keys[row], "place %ld of %ld", place, said);
        }
        CHECK(inverse == back, "inverse of %ld, %ld said", num_rows, said);
      }
    }
  }
}

/// A mask in a box and the counts of its items: few large ones, many small ones, and rows beyond the last item.
void check_boxed_mask(Random& random) {
  for (const int count : kCounts) {
    for (const int items : {1, 3, 400}) {
      VoxelSet set = random_set(random, count, 2);  // with one row of the last item that there can be
      for (int i = 0; i < 4 * count; ++i) {
        const Voxel v = {random.below(items), random.below(40) - 20, random.below(40) - 20, random.below(40) - 20};
        set[slow_key(v)] = v;
      }
      const std::vector<int64_t> keys = keys_of(set);
      const int64_t num_rows = keys.size(), batch_size = items > 1 ? items - 1 : 1;
      std::vector<uint8_t> mask(num_rows);
      for (uint8_t& byte : mask) byte = random.below(4) > 0 ? 1 + random.below(255) : 0;
      const auto boxed = std::make_unique<bool[]>(num_rows);
      std::vector<int64_t> counts(batch_size + 1, -1), expected(batch_size + 1, 0);
      const BoxedMaskParams params = {keys.data(), mask.data(), boxed.get(),      counts.data(),
                                      num_rows,    batch_size,  {-7, -32768, -3}, {9, 32768, 20}};
      CHECK(cuda::boxed_mask(params, nullptr) == 0, "boxed_mask");
      for (int64_t row = 0; row < num_rows; ++row) {
        int32_t c[4];
        decode_key(keys[row], c);
        const bool inside = c[1] >= -7 && c[1] < 9 && c[3] >= -3 && c[3] < 20;
        CHECK(boxed[row] == (inside && mask[row] != 0), "row %ld of %ld", row, num_rows);
        if (boxed[row] && c[0] < batch_size) ++expected[c[0]];
        if (!inside) ++expected[batch_size];
      }
      CHECK(counts == expected, "counts of %ld rows, %d items", num_rows, items);
    }
  }
}

}  // namespace
}  // namespace check

int main(int count, char** arguments) {
  check::choose_order(count, arguments);
  check::Random random(2);
  check::check_scan(random);
  check::check_coordinate_set(random);
  check::check_strided_set(random);
  check::check_pyramid(random);
  check::check_generative_set(random);
  check::check_child_keys(random);
  check::check_odd_children(random);
  check::check_near_children(random);
  check::check_many_parents(random);
  check::check_union_set(random);
  check::check_selected_set(random);
  check::check_boxed_mask(random);
}
