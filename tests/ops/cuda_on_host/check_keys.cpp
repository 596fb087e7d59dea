// Runs the kernels that look keys up (encode, decode, lookup, kernel maps) on the host against dictionaries of voxels.
#include "check.h"
#include "completion/coords.h"
#include "completion/kernel_map.h"
#include "completion/key.h"
#include "completion/lookup.h"

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

void check_kernel_map(Random& random) {
  for (const int count : {0, 1, 300}) {
    for (const KernelOffsets& offsets :
         {cube(0, 1, 1), cube(-1, 3, 1), cube(0, 2, 2), cube(-2, 5, 1), cube(-3, 7, 1)}) {
      const VoxelSet sources = random_set(random, count, 1), targets = random_set(random, count, 2);
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
      CHECK(table == expected, "%ld offsets", k_count);
      const ReverseMapParams back = {table.data(), num_target, num_source, offsets.count, reverse.data()};
      CHECK(cuda::reverse_map(back, nullptr) == 0, "reverse_map");
      CHECK(reverse == expected_reverse, "%ld offsets", k_count);
    }
  }
}

}  // namespace
}  // namespace check

int main(int count, char** arguments) {
  check::choose_order(count, arguments);
  check::Random random(1);
  check::check_coords(random);
  check::check_add_offset(random);
  check::check_lookup(random);
  check::check_kernel_map(random);
}
