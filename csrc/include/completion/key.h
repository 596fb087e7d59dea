// The packed 64-bit coordinate key and its arithmetic, shared by the CPU and CUDA kernels; owns no loops.
//
// key = (batch << 48 | morton48(x + 32768, y + 32768, z + 32768)) XOR 1 << 63, read as signed; bit 3j of the Morton
// code is bit j of x, 3j + 1 of y, 3j + 2 of z. Ascending signed keys are the canonical row order: batch, then Morton.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define COMPLETION_HD __host__ __device__ __forceinline__
#else
#define COMPLETION_HD inline
#endif

namespace completion {

constexpr int32_t kMinCoordinate = -32768;
constexpr int32_t kMaxCoordinate = 32767;
constexpr int32_t kMaxBatch = 65535;
constexpr uint64_t kSignBit = 0x8000000000000000ull;
constexpr uint64_t kMortonBits = 0x0000ffffffffffffull;
constexpr uint64_t kBatchBits = 0xffff000000000000ull;
constexpr uint64_t kAxisX = 0x0000249249249249ull;  // Morton bits of x
constexpr uint64_t kAxisY = kAxisX << 1;
constexpr uint64_t kAxisZ = kAxisX << 2;

/// Unsigned code (batch and Morton bits) of a key, and back. Unsigned order of codes = signed order of keys.
COMPLETION_HD uint64_t key_to_code(int64_t key) { return static_cast<uint64_t>(key) ^ kSignBit; }
COMPLETION_HD int64_t code_to_key(uint64_t code) { return static_cast<int64_t>(code ^ kSignBit); }

/// Batch item of a key.
COMPLETION_HD int64_t item_of(int64_t key) { return static_cast<int64_t>(key_to_code(key) >> 48); }

/// The 16 bits of v spread to every third bit.
COMPLETION_HD uint64_t spread_bits(uint32_t v) {
  uint64_t x = v & 0xffffu;
  x = (x | (x << 16)) & 0x00ff0000ff0000ffull;
  x = (x | (x << 8)) & 0xf00f00f00f00f00full;
  x = (x | (x << 4)) & 0x30c30c30c30c30c3ull;
  x = (x | (x << 2)) & kAxisX;
  return x;
}

/// Every third bit of x gathered into 16 bits.
COMPLETION_HD uint32_t gather_bits(uint64_t x) {
  x &= kAxisX;
  x = (x | (x >> 2)) & 0x30c30c30c30c30c3ull;
  x = (x | (x >> 4)) & 0xf00f00f00f00f00full;
  x = (x | (x >> 8)) & 0x00ff0000ff0000ffull;
  return static_cast<uint32_t>((x | (x >> 16)) & 0xffffull);
}

/// Key of a coordinate that lies in the range; of any other a number that means nothing.
COMPLETION_HD int64_t encode_key(int32_t batch, int32_t x, int32_t y, int32_t z) {
  const uint64_t morton = spread_bits(static_cast<uint32_t>(x) + 32768u) |
                          spread_bits(static_cast<uint32_t>(y) + 32768u) << 1 |
                          spread_bits(static_cast<uint32_t>(z) + 32768u) << 2;
  return code_to_key(static_cast<uint64_t>(static_cast<uint32_t>(batch)) << 48 | morton);
}

/// Bits that are set where a batch index or coordinate does not fit a key.
COMPLETION_HD uint32_t bits_out_of_range(int32_t batch, int32_t x, int32_t y, int32_t z) {
  return (static_cast<uint32_t>(batch) | (static_cast<uint32_t>(x) + 32768u) | (static_cast<uint32_t>(y) + 32768u) |
          (static_cast<uint32_t>(z) + 32768u)) >>
         16;
}

/// Coordinate (batch, x, y, z) of a key.
COMPLETION_HD void decode_key(int64_t key, int32_t* coordinate) {
  const uint64_t code = key_to_code(key);
  coordinate[0] = static_cast<int32_t>(code >> 48);
  coordinate[1] = static_cast<int32_t>(gather_bits(code)) - 32768;
  coordinate[2] = static_cast<int32_t>(gather_bits(code >> 1)) - 32768;
  coordinate[3] = static_cast<int32_t>(gather_bits(code >> 2)) - 32768;
}

COMPLETION_HD bool in_range(int64_t x, int64_t y, int64_t z) {
  return x >= kMinCoordinate && x <= kMaxCoordinate && y >= kMinCoordinate && y <= kMaxCoordinate &&
         z >= kMinCoordinate && z <= kMaxCoordinate;
}

/// A box in Morton form: comparing masked bits of codes keeps the order on an axis, so that none has to be decoded.
struct MortonBox {
  uint64_t low[3], last[3];  // the lowest and the highest coordinate inside, on the Morton bits of x, y, z
};

/// The coordinate, or where the range ends on its side.
COMPLETION_HD int64_t within_range_or_end(int64_t coordinate) {
  const int64_t end = kMaxCoordinate + 1;
  return coordinate < kMinCoordinate ? kMinCoordinate : coordinate < end ? coordinate : end;
}

/// The box from `low` up to, without it, `high`; corners may lie anywhere.
COMPLETION_HD MortonBox morton_box(const int64_t* low, const int64_t* high) {
  MortonBox box;
  bool empty = false;
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t first = within_range_or_end(low[axis]), end = within_range_or_end(high[axis]);
    empty = empty || first >= end;
    box.low[axis] = spread_bits(static_cast<uint32_t>(first + 32768)) << axis;
    box.last[axis] = spread_bits(static_cast<uint32_t>(end - 1 + 32768)) << axis;
  }
  if (empty) box.low[0] = kBatchBits;  // more than the bits of any x
  return box;
}

COMPLETION_HD bool in_box(uint64_t code, const MortonBox& box) {
  const uint64_t x = code & kAxisX, y = code & kAxisY, z = code & kAxisZ;
  return box.low[0] <= x && x <= box.last[0] && box.low[1] <= y && y <= box.last[1] && box.low[2] <= z &&
         z <= box.last[2];
}

/// One offset in Morton form: adding it to a code is three masked sums; the bounds say when a sum leaves the range.
struct MortonOffset {
  uint64_t x, y, z;  // the offset modulo 2¹⁶ on its axis' Morton bits
  int32_t dx, dy, dz;
  bool never;  // the offset is longer than the whole range
};

COMPLETION_HD MortonOffset morton_offset(int32_t dx, int32_t dy, int32_t dz) {
  MortonOffset offset;
  offset.x = spread_bits(static_cast<uint32_t>(dx) & 0xffffu);
  offset.y = spread_bits(static_cast<uint32_t>(dy) & 0xffffu) << 1;
  offset.z = spread_bits(static_cast<uint32_t>(dz) & 0xffffu) << 2;
  offset.dx = dx;
  offset.dy = dy;
  offset.dz = dz;
  offset.never = dx > 65535 || dx < -65535 || dy > 65535 || dy < -65535 || dz > 65535 || dz < -65535;
  return offset;
}

/// Adds an offset to a code. Returns false, and leaves no meaning in `sum`, when the result is out of range.
COMPLETION_HD bool add_offset(uint64_t code, const MortonOffset& offset, uint64_t* sum) {
  const uint64_t x = ((code | ~kAxisX) + offset.x) & kAxisX;
  const uint64_t y = ((code | ~kAxisY) + offset.y) & kAxisY;
  const uint64_t z = ((code | ~kAxisZ) + offset.z) & kAxisZ;
  *sum = (code & kBatchBits) | x | y | z;
  // A sum modulo 2¹⁶ that moved against the sign of its offset has left the range. Comparing masked bits keeps the
  // axis' order.
  const bool wrong_x = offset.dx >= 0 ? x<(code & kAxisX) : x>(code & kAxisX);
  const bool wrong_y = offset.dy >= 0 ? y<(code & kAxisY) : y>(code & kAxisY);
  const bool wrong_z = offset.dz >= 0 ? z<(code & kAxisZ) : z>(code & kAxisZ);
  return !(offset.never || wrong_x || wrong_y || wrong_z);
}

}  // namespace completion
