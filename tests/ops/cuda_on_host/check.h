// What the host checks of the kernels share: failing loudly, random numbers and voxel sets, and the canonical order
// stated once more without key.h. Owns no check.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "completion/offsets.h"
#include "cuda_runtime.h"

namespace check {

#define CHECK(condition, ...)                                     \
  do {                                                            \
    if (!(condition)) {                                           \
      std::printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      std::printf(__VA_ARGS__);                                   \
      std::printf("\n");                                          \
      std::exit(1);                                               \
    }                                                             \
  } while (0)

struct Voxel {
  int32_t batch, x, y, z;
};

/// The key, one bit at a time.
inline int64_t slow_key(const Voxel& v) {
  uint64_t code = static_cast<uint64_t>(v.batch) << 48;
  const int32_t axes[3] = {v.x, v.y, v.z};
  for (int bit = 0; bit < 16; ++bit) {
    for (int axis = 0; axis < 3; ++axis) {
      code |= static_cast<uint64_t>((axes[axis] + 32768) >> bit & 1) << (3 * bit + axis);
    }
  }
  return static_cast<int64_t>(code ^ 1ull << 63);
}

inline bool holds(int64_t x, int64_t y, int64_t z) {
  const auto held = [](int64_t v) { return v >= -32768 && v <= 32767; };
  return held(x) && held(y) && held(z);
}

/// `backward` as the first argument runs threads and blocks from the last to the first.
inline void choose_order(int count, char** arguments) {
  cuda_on_host::backward = count > 1 && std::strcmp(arguments[1], "backward") == 0;
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() { return (state_ = state_ * 6364136223846793005ull + 1442695040888963407ull) >> 33; }
  int below(int bound) { return static_cast<int>(next() % static_cast<uint64_t>(bound)); }
  float signed_unit() { return static_cast<float>(below(2001) - 1000) / 1000.0f; }

 private:
  uint64_t state_;
};

/// Voxels by key: iteration is in canonical order.
using VoxelSet = std::map<int64_t, Voxel>;

/// Random voxels of a small cube on the given stride, with two corners of the whole range.
inline VoxelSet random_set(Random& random, int count, int stride) {
  VoxelSet set;
  for (int i = 0; i < count; ++i) {
    const auto axis = [&] { return (random.below(12) - 6) * stride; };
    const Voxel v = {random.below(3), axis(), axis(), axis()};
    set[slow_key(v)] = v;
  }
  if (count > 2) {
    const int32_t last = 32768 - stride;
    for (const Voxel v : {Voxel{65535, last, last, last}, Voxel{0, -32768, -32768, -32768}}) set[slow_key(v)] = v;
  }
  return set;
}

/// Random voxels of the whole range on the given stride, nearly all without neighbours.
inline VoxelSet lone_set(Random& random, int count, int stride) {
  VoxelSet set;
  for (int i = 0; i < count; ++i) {
    const auto axis = [&] { return random.below(65536 / stride) * stride - 32768; };
    const Voxel v = {random.below(3), axis(), axis(), axis()};
    set[slow_key(v)] = v;
  }
  return set;
}

inline std::vector<int64_t> keys_of(const VoxelSet& set) {
  std::vector<int64_t> keys;
  for (const auto& item : set) keys.push_back(item.first);
  return keys;
}

// 3000 rows are more than one tile of a compaction.
const std::vector<int> kCounts = {0, 1, 37, 3000};

/// Gives params a workspace of exactly the bytes asked for.
template <class Params>
std::vector<char> workspace(Params& params, int64_t bytes) {
  std::vector<char> memory(bytes + 1, 0x5a);  // a kernel that counts on zeros fails
  params.workspace = memory.data();
  params.workspace_bytes = bytes;
  return memory;
}

/// A cube of size³ offsets that starts at `first` on every axis.
inline completion::KernelOffsets cube(int first, int size, int step) {
  completion::KernelOffsets offsets = {};
  for (int i = 0; i < size * size * size; ++i) {
    const int axes[3] = {i % size, i / size % size, i / size / size};
    for (int axis = 0; axis < 3; ++axis) offsets.xyz[3 * i + axis] = (first + axes[axis]) * step;
  }
  offsets.count = size * size * size;
  return offsets;
}

/// Offsets of different sizes on each axis, of both signs.
inline completion::KernelOffsets slab(int step) {
  completion::KernelOffsets offsets = {};
  for (int i = 0; i < 12; ++i) {
    const int axes[3] = {i % 2 - 1, i / 2 % 3 - 2, i / 6 * 5};
    for (int axis = 0; axis < 3; ++axis) offsets.xyz[3 * i + axis] = axes[axis] * step;
  }
  offsets.count = 12;
  return offsets;
}

}  // namespace check
