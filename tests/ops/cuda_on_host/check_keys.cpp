// Runs the kernels that look keys up (encode, decode, boxes, lookup, kernel maps) on the host against dictionaries of
// voxels.
#include <algorithm>
#include <memory>
#include <tuple>

#include "../../../csrc/cuda/kept_bits.cuh"
#include "check.h"
#include "completion/coords.h"
#include "completion/grid_cells.h"
#include "completion/kernel_map.h"
#include "completion/kernel_pairs.h"
#include "completion/key.h"
#include "completion/lookup.h"
#include "completion/row_order.h"

namespace check {
namespace {

using namespace completion;

void check_coords(Random& random) {
  for (const int count : kCounts) {
    std::vector<int32_t> coords;
    for (int i = 0; i < count; ++i) {
      coords.push_back(random.below(65536));
      for (int axis = 0; axis < 3; ++axis) coords.push_back(random.below(65536) - 32768);
    }
    std::vector<int64_t> keys(count);
    std::vector<int32_t> decoded(4 * count);
    CHECK(cuda::encode({coords.data(), keys.data(), count}, nullptr) == 0, "encode");
    CHECK(cuda::decode({keys.data(), decoded.data(), count}, nullptr) == 0, "decode");
    CHECK(decoded == coords, "decode(encode) of %d rows", count);
    for (int i = 0; i < count; ++i) {
      const int32_t* c = &coords[4 * i];
      CHECK(keys[i] == slow_key({c[0], c[1], c[2], c[3]}), "row %d", i);
    }
    const auto inside = std::make_unique<bool[]>(count);
    const InsideBoxParams box = {keys.data(), inside.get(), count, {-20000, -5, -32768}, {20000, 32768, 1}};
    CHECK(cuda::inside_box(box, nullptr) == 0, "inside_box");
    for (int i = 0; i < count; ++i) {
      const int32_t* c = &coords[4 * i];
      CHECK(inside[i] == (c[1] >= -20000 && c[1] < 20000 && c[2] >= -5 && c[3] < 1), "row %d in box", i);
    }
  }
}

void check_grid_cells(Random& random) {
  for (const int count : kCounts) {
    std::vector<int64_t> keys;
    std::vector<int32_t> cells(count), expected;
    for (int i = 0; i < count; ++i) {
      const Voxel v = {random.below(3), random.below(20) - 10, random.below(20) - 10, random.below(20) - 10};
      keys.push_back(slow_key(v));
      const bool inside = v.batch < 2 && v.x >= -4 && v.x < 8 && v.y >= 1 && v.z >= -9 && v.z < 3;
      expected.push_back(inside ? ((v.batch * 6 + (v.x + 4) / 2) * 9 + v.y - 1) * 4 + (v.z + 9) / 3 : -1);
    }
    const GridCellsParams grid = {keys.data(), cells.data(), count, {-4, 1, -9}, {2, 1, 3}, {2, 6, 9, 4}};
    CHECK(cuda::grid_cells(grid, nullptr) == 0, "grid_cells");
    CHECK(cells == expected, "cells of %d rows", count);
  }
}

void check_add_offset(Random& random) {
  const int steps[] = {0, 1, -1, 2, -3, 255, -4096, 32768, -32768, 65535, -65535, 65536, -70000};
  for (int i = 0; i < 20000; ++i) {
    const auto axis = [&] {
      return random.below(4) == 0 ? (random.below(2) ? 32767 : -32768) : random.below(65536) - 32768;
    };
    const Voxel v = {random.below(65536), axis(), axis(), axis()};
    const int dx = steps[random.below(13)], dy = steps[random.below(13)], dz = steps[random.below(13)];
    uint64_t sum;
    const bool inside = add_offset(key_to_code(slow_key(v)), morton_offset(dx, dy, dz), &sum);
    CHECK(inside == holds(v.x + dx, v.y + dy, v.z + dz), "%d %d %d + %d %d %d", v.x, v.y, v.z, dx, dy, dz);
    if (inside) CHECK(code_to_key(sum) == slow_key({v.batch, v.x + dx, v.y + dy, v.z + dz}), "%d %d %d", dx, dy, dz);
  }
}

/// Bits gathered one by one; and numbers of a set, which keep their order without the bits that follow from others.
void check_kept_bits(Random& random) {
  for (int i = 0; i < 2000; ++i) {
    const int sparse = random.below(4);
    uint64_t mask = random.next() << 33 ^ random.next() << 10 ^ random.next();
    for (int j = 0; j < sparse; ++j) mask &= random.next() << 33 ^ random.next() << 10 ^ random.next();
    const uint64_t number = random.next() << 33 ^ random.next() << 10 ^ random.next();
    uint64_t expected = 0;
    int count = 0;
    for (int bit = 0; bit < 64; ++bit) {
      if (mask >> bit & 1) expected |= (number >> bit & 1) << count++;
    }
    const cuda::KeptBits kept = cuda::kept_bits(mask);
    CHECK(kept.count == count && cuda::gather_kept(number, kept) == expected, "mask %lx", mask);
  }
  CHECK(cuda::gather_kept(~0ull, cuda::kept_bits(~0ull)) == ~0ull, "all bits");
  for (const int count : {1, 2, 50, 2000}) {
    for (const int extent : {1, 8, 100, 65536}) {
      const int low = extent == 65536 ? -32768 : random.below(3) * 1000 - extent / 2;
      std::map<uint64_t, uint64_t> places;  // by code
      const auto axis = [&] { return low + random.below(extent); };
      for (int i = 0; i < count; ++i) places[key_to_code(slow_key({random.below(3), axis(), axis(), axis()}))] = 0;
      uint64_t differences = 0;
      for (const auto& [code, _] : places) differences |= cuda::gray_code(code ^ places.begin()->first, 48);
      const cuda::KeptBits kept = cuda::kept_bits(differences);
      CHECK(extent > 100 || kept.count <= 3 * 8 + 2, "%d bits of codes in a cube of %d", kept.count, extent);
      uint64_t next = 0;
      for (const auto& [code, _] : places) {
        const uint64_t place = cuda::gather_kept(code, kept);
        CHECK(place >= next, "%d codes in a cube of %d", count, extent);
        next = place + 1;
      }
    }
  }
}

void check_lookup(Random& random) {
  for (const int count : kCounts) {
    const std::vector<int64_t> keys = keys_of(random_set(random, count, 1));
    const std::vector<int64_t> queries = keys_of(random_set(random, 500, 1));
    std::map<int64_t, int32_t> row_of;
    for (const int64_t key : keys) row_of.emplace(key, static_cast<int32_t>(row_of.size()));
    std::vector<int32_t> rows(queries.size());
    LookupParams params = {keys.data(), queries.data(), static_cast<int64_t>(keys.size()),
                           static_cast<int64_t>(queries.size()), rows.data()};
    const auto memory = workspace(params, cuda::lookup_workspace_bytes(params));
    CHECK(cuda::lookup(params, nullptr) == 0, "lookup");
    for (size_t i = 0; i < queries.size(); ++i) {
      CHECK(rows[i] == (row_of.count(queries[i]) ? row_of[queries[i]] : -1), "query %zu", i);
    }
  }
}

/// Both maps of two sets against a dictionary.
void check_maps(const VoxelSet& sources, const VoxelSet& targets, const KernelOffsets& offsets) {
  const std::vector<int64_t> source_keys = keys_of(sources), target_keys = keys_of(targets);
  std::map<int64_t, int32_t> row_of;
  for (const int64_t key : source_keys) row_of.emplace(key, static_cast<int32_t>(row_of.size()));
  const int64_t num_source = source_keys.size(), num_target = target_keys.size(), k_count = offsets.count;
  std::vector<int32_t> table(num_target * k_count, -7), reverse(num_source * k_count, -7), expected;
  std::vector<int32_t> expected_reverse(reverse.size(), -1);
  for (const auto& [key, v] : targets) {
    for (int k = 0; k < k_count; ++k) {
      const int32_t* d = offsets.xyz + 3 * k;
      const bool inside = holds(v.x + d[0], v.y + d[1], v.z + d[2]);
      const auto found = row_of.find(inside ? slow_key({v.batch, v.x + d[0], v.y + d[1], v.z + d[2]}) : 0);
      expected.push_back(inside && found != row_of.end() ? found->second : -1);
      if (expected.back() < 0) continue;
      expected_reverse[expected.back() * k_count + k] = static_cast<int32_t>((expected.size() - 1) / k_count);
    }
  }
  KernelMapParams params = {source_keys.data(), target_keys.data(), num_source, num_target, offsets, table.data()};
  const auto memory = workspace(params, cuda::kernel_map_workspace_bytes(params));
  CHECK(cuda::kernel_map(params, nullptr) == 0, "kernel_map");
  const int32_t* d = offsets.xyz;
  CHECK(table == expected, "%ld and %ld, %ld offsets from %d %d %d", num_source, num_target, k_count, d[0], d[1], d[2]);
  const ReverseMapParams back = {table.data(), num_target, num_source, offsets.count, reverse.data()};
  CHECK(cuda::reverse_map(back, nullptr) == 0, "reverse_map");
  CHECK(reverse == expected_reverse, "%ld offsets", k_count);
}

/// Sources on one stride, targets on the same, a coarser and a finer one, and offsets that are multiples of it, share
/// only a smaller unit with it, or none.
void check_kernel_map(Random& random) {
  for (const int count : {0, 1, 300}) {
    for (const int stride : {1, 2, 4, 16}) {
      const VoxelSet sources = random_set(random, count, stride);
      for (const KernelOffsets& offsets :
           {cube(0, 1, 1), cube(-1, 3, stride), cube(0, 2, stride), cube(-1, 3, 2 * stride), slab(stride)}) {
        check_maps(sources, sources, offsets);
        check_maps(sources, random_set(random, count, 2 * stride), offsets);
        check_maps(random_set(random, count, 2 * stride), sources, offsets);
      }
    }
  }
}

/// Kernels of many offsets, and those that reach further than the next brick or out of the range.
void check_wide_kernels(Random& random) {
  const VoxelSet set = random_set(random, 300, 1), coarse = random_set(random, 100, 8);
  for (const KernelOffsets& offsets : {cube(-2, 5, 1), cube(-3, 7, 1), cube(0, 4, 1), cube(-1, 3, 4), cube(-1, 3, 5),
                                       cube(-1, 3, 8), cube(-1, 2, 65535), cube(1, 1, 70000), cube(-1, 1, 70000)}) {
    check_maps(set, set, offsets);
    check_maps(coarse, set, offsets);
    check_maps(set, coarse, offsets);
  }
}

/// Full bricks, a hash of nothing but lone voxels, coordinates that share no unit, and more than one batch at one
/// place.
void check_densities(Random& random) {
  VoxelSet dense, mixed = random_set(random, 200, 16);
  for (int i = 0; i < 3 * 9 * 9 * 9; ++i) {
    const Voxel v = {i % 3, i / 3 % 9 - 5, i / 27 % 9 - 5, i / 243 - 5};
    dense[slow_key(v)] = v;
  }
  mixed[slow_key({1, 3, 0, 16})] = {1, 3, 0, 16};
  const VoxelSet lone = lone_set(random, 2000, 1), lone_coarse = lone_set(random, 500, 8192);
  for (const VoxelSet& set : {dense, mixed, lone}) {
    check_maps(set, set, cube(-1, 3, 1));
    check_maps(set, set, cube(0, 2, 16));
  }
  // Of thousands of multiples of 16, the last rows alone say that the unit is 1.
  VoxelSet odd_end = lone_set(random, 5000, 16);
  for (const Voxel& v : {Voxel{9, 1, 2, 3}, Voxel{9, 1, 2, 4}}) odd_end[slow_key(v)] = v;
  check_maps(odd_end, odd_end, cube(-1, 3, 1));
  check_maps(lone_coarse, lone_coarse, cube(-1, 3, 8192));
  check_maps(lone_coarse, dense, cube(-1, 2, 32768));
  check_maps({{slow_key({0, -32768, -32768, -32768}), {0, -32768, -32768, -32768}}}, dense, cube(-1, 2, 32763));
}

/// More targets than the largest grid has tiles.
void check_many_targets(Random& random) {
  const VoxelSet targets = lone_set(random, 264000, 1);
  check_maps(random_set(random, 50, 1), targets, cube(0, 1, 1));
}

/// Slots of offsets from a set of this stride: those that can meet at one site differ.
int choose_slots(const KernelOffsets& offsets, const Voxel& stride, int32_t* slots) {
  std::map<std::tuple<int, int, int>, int> counts;
  int num_slots = 0;
  for (int k = 0; k < offsets.count; ++k) {
    const int32_t* d = offsets.xyz + 3 * k;
    const auto rest = [](int value, int step) { return (value % step + step) % step; };
    slots[k] = counts[{rest(d[0], stride.x), rest(d[1], stride.y), rest(d[2], stride.z)}]++;
    num_slots = std::max(num_slots, slots[k] + 1);
  }
  return num_slots;
}

/// Order of pairs: by window, lowest offset, slots that are filled and row.
std::vector<int32_t> sorted_rows(const std::vector<int32_t>& pairs, int64_t rows, int slots) {
  const int64_t window = rows <= 16384 ? 4096 : 1 << 20;
  std::vector<std::tuple<int64_t, int, uint32_t, int64_t>> keys;
  for (int64_t row = 0; row < rows; ++row) {
    int lowest = 63;
    uint32_t filled = 0;
    for (int s = 0; s < slots; ++s) {
      const int pair = pairs[row * slots + s];
      if (pair < 0) continue;
      filled |= 1u << s;
      lowest = std::min(lowest, pair % 64);
    }
    keys.emplace_back(row / window, lowest, filled, row);
  }
  std::sort(keys.begin(), keys.end());
  std::vector<int32_t> order;
  for (const auto& key : keys) order.push_back(static_cast<int32_t>(std::get<3>(key)));
  return order;
}

/// Against dictionaries of voxels.
void check_pairs(const VoxelSet& sources, const VoxelSet& targets, const KernelOffsets& offsets, const Voxel& stride) {
  const std::vector<int64_t> source_keys = keys_of(sources), target_keys = keys_of(targets);
  std::map<int64_t, int32_t> row_of;
  for (const int64_t key : target_keys) row_of.emplace(key, static_cast<int32_t>(row_of.size()));
  KernelPairsParams params = {source_keys.data(), target_keys.data(), static_cast<int64_t>(source_keys.size()),
                              static_cast<int64_t>(target_keys.size()), offsets};
  params.num_slots = choose_slots(offsets, stride, params.slots);
  const int64_t rows = params.num_source, slots = params.num_slots;
  std::vector<int32_t> pairs(rows * slots, -7), order(rows, -7), expected(rows * slots, -1);
  int64_t row = 0;
  for (const auto& [key, v] : sources) {
    for (int k = 0; k < offsets.count; ++k) {
      const int32_t* d = offsets.xyz + 3 * k;
      if (!holds(v.x - d[0], v.y - d[1], v.z - d[2])) continue;
      const auto found = row_of.find(slow_key({v.batch, v.x - d[0], v.y - d[1], v.z - d[2]}));
      if (found == row_of.end()) continue;
      int32_t& pair = expected[row * slots + params.slots[k]];
      CHECK(pair == -1, "the slots are wrong");
      pair = 64 * found->second + k;
    }
    ++row;
  }
  std::vector<int32_t> offset_slots(offsets.count, -7);
  params.pairs = pairs.data(), params.order = order.data(), params.offset_slots = offset_slots.data();
  const auto memory = workspace(params, cuda::kernel_pairs_workspace_bytes(params));
  CHECK(cuda::kernel_pairs(params, nullptr) == 0, "kernel_pairs");
  const int32_t* d = offsets.xyz;
  CHECK(pairs == expected, "%ld and %ld, %d offsets from %d %d %d", rows, params.num_target, offsets.count, d[0], d[1],
        d[2]);
  CHECK(order == sorted_rows(expected, rows, params.num_slots), "%ld rows, %ld slots", rows, slots);
  CHECK(std::equal(offset_slots.begin(), offset_slots.end(), params.slots), "slots of %d offsets", offsets.count);
}

/// Every voxel of a cube around the origin.
VoxelSet full_cube(int size) {
  VoxelSet set;
  for (int i = 0; i < size * size * size; ++i) {
    const Voxel v = {0, i % size - size / 2, i / size % size - size / 2, i / size / size - size / 2};
    set[slow_key(v)] = v;
  }
  return set;
}

/// Layers between two strides; targets on a larger unit than their stride; offsets off the targets' unit, off the
/// sources', and far; bricks more than a tile knows at a time; orders by short and by long keys.
void check_kernel_pairs(Random& random) {
  const KernelOffsets far = cube(-1, 4, 65), wide = cube(-2, 4, 2);
  for (const int count : {0, 1, 200}) {
    for (const int step : {1, 16}) {
      const VoxelSet sources = random_set(random, count, step), targets = random_set(random, count, 2 * step);
      const Voxel twice = {0, 2 * step, 2 * step, 2 * step};
      for (const KernelOffsets& offsets :
           {cube(0, 1, step), cube(0, 2, step), cube(-1, 3, step), cube(0, 4, step), cube(-1, 4, step), slab(step)}) {
        check_pairs(sources, targets, offsets, twice);
        check_pairs(sources, random_set(random, count, 8 * step), offsets, twice);
      }
    }
    const VoxelSet sources = random_set(random, count, 1), targets = random_set(random, count, 4);
    for (const KernelOffsets& offsets : {far, wide, cube(-1, 3, 3), cube(-1, 2, 32767)}) {
      check_pairs(sources, targets, offsets, {0, 4, 4, 4});
      check_pairs(targets, random_set(random, count, 8), offsets, {0, 8, 8, 8});
    }
  }
  // Offsets 0 and 12 share a slot with stride 8, and differ by a multiple of a brick.
  KernelOffsets line = {5, {}};
  for (int k = 0; k < 5; ++k) line.xyz[3 * k] = 3 * k;
  check_pairs(full_cube(20), random_set(random, 200, 8), line, {0, 8, 8, 8});
  // Strides that are no powers of two, and those of which an axis is 1: no cell tells which offset leads to a target.
  check_pairs(random_set(random, 300, 1), random_set(random, 100, 3), cube(-1, 3, 1), {0, 3, 3, 3});
  VoxelSet flat;
  for (const auto& [key, v] : random_set(random, 200, 1)) {
    const Voxel even = {v.batch, v.x & ~1, v.y & ~1, v.z};
    flat[slow_key(even)] = even;
  }
  check_pairs(random_set(random, 300, 1), flat, cube(0, 4, 1), {0, 2, 2, 1});
  check_pairs(lone_set(random, 1000, 1), lone_set(random, 1000, 2), cube(-1, 3, 1), {0, 2, 2, 2});
  check_pairs(full_cube(26), random_set(random, 1000, 2), cube(0, 4, 1), {0, 2, 2, 2});
  check_pairs(full_cube(26), random_set(random, 1000, 2), cube(0, 4, 1), {0, 2, 1, 1});
  check_pairs(full_cube(65), random_set(random, 100, 2), cube(0, 2, 1), {0, 2, 2, 2});
}

/// Against a sort by window, mask in the Gray code's order and row.
void check_row_order(Random& random) {
  for (const int count : {0, 1, 37, 5000, 17000, 70000}) {
    for (const int offsets : {1, 27, 64}) {
      if (count > 5000 && offsets != (count == 17000 ? 64 : 27)) continue;
      std::vector<int32_t> table(static_cast<size_t>(count) * offsets), order(count, -7);
      for (int32_t& entry : table) entry = random.below(4) - 2;
      RowOrderParams params = {table.data(), count, offsets, false, order.data()};
      const auto memory = workspace(params, cuda::row_order_workspace_bytes(params));
      CHECK(cuda::row_order(params, nullptr) == 0, "row_order");
      const int window = count <= 16384 ? 4096 : 65536;
      std::vector<std::tuple<int, uint64_t, int>> expected;
      for (int row = 0; row < count; ++row) {
        uint64_t rank = 0;
        bool parity = false;  // of the mask's bits from the highest down to this one
        for (int k = offsets - 1; k >= 0; --k) {
          parity ^= table[static_cast<size_t>(row) * offsets + k] >= 0;
          rank = rank << 1 | parity;
        }
        expected.emplace_back(row / window, offsets > 48 ? rank >> (offsets - 48) : rank, row);
      }
      std::sort(expected.begin(), expected.end());
      for (int i = 0; i < count; ++i) CHECK(order[i] == std::get<2>(expected[i]), "place %d of %d", i, count);
    }
  }
}

}  // namespace
}  // namespace check

int main(int count, char** arguments) {
  check::choose_order(count, arguments);
  check::Random random(1);
  check::check_coords(random);
  check::check_grid_cells(random);
  check::check_add_offset(random);
  check::check_kept_bits(random);
  check::check_lookup(random);
  check::check_kernel_map(random);
  check::check_row_order(random);
  check::check_kernel_pairs(random);
  check::check_wide_kernels(random);
  check::check_densities(random);
  check::check_many_targets(random);
}
