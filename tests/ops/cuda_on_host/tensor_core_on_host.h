// Asynchronous copies and the tensor cores' instructions on the host, as PTX states them. A copy arrives as late as it
// may, when its thread waits for its group: so a missing wait shows as a wrong result. Where the highest thread runs
// first it arrives at once: so a stage that is filled while it is still read does.
#pragma once

#include <cmath>
#include <cstdlib>
#include <deque>
#include <map>
#include <vector>

#include "cuda_runtime.h"

namespace completion::cuda {

using SharedAddress = uintptr_t;

inline SharedAddress shared_address(const void* shared) { return reinterpret_cast<SharedAddress>(shared); }

template <class T>
T kept(T value) {
  return value;
}

struct PendingCopy {
  void* to;
  const void* from;  // null for zeros
};

/// Groups of copies of the running thread, the oldest first; the last is still open.
inline std::deque<std::vector<PendingCopy>>& copy_groups() {
  static std::map<unsigned, std::deque<std::vector<PendingCopy>>> groups;
  auto& own = groups[threadIdx.x];
  if (own.empty()) own.emplace_back();
  return own;
}

inline void arrive(const PendingCopy& copy) {
  if (copy.from == nullptr) {
    memset(copy.to, 0, 16);
  } else {
    memcpy(copy.to, copy.from, 16);
  }
}

template <bool kByL1>
void copy_async(SharedAddress shared, const void* global, bool present) {
  if (shared % 16 != 0 || (present && reinterpret_cast<uintptr_t>(global) % 16 != 0)) std::abort();
  const PendingCopy copy = {reinterpret_cast<void*>(shared), present ? global : nullptr};
  if (cuda_on_host::backward) {
    arrive(copy);
  } else {
    copy_groups().back().push_back(copy);
  }
}

inline void commit_copies() { copy_groups().emplace_back(); }

template <int kPending>
void wait_for_copies() {
  auto& groups = copy_groups();
  for (; groups.size() > kPending + 1; groups.pop_front()) {
    for (const PendingCopy& copy : groups.front()) arrive(copy);
  }
}

inline const char* whole(const char* pointer) { return pointer; }

inline uint32_t load_word(SharedAddress word) {
  uint32_t loaded;
  memcpy(&loaded, reinterpret_cast<const void*>(word), sizeof(loaded));
  return loaded;
}

/// The address that each lane gives, of a row of 16 bytes. Eight rows at a time are read in one go, if they lie on
/// different banks.
inline void exchange_rows(SharedAddress row, const char* (&rows)[32]) {
  cuda_on_host::exchange(&row, sizeof(row), rows);
  const int lane = threadIdx.x % 32;
  for (int other = lane / 8 * 8; other < lane / 8 * 8 + 8; ++other) {
    const bool clash = other != lane && reinterpret_cast<uintptr_t>(rows[other]) / 16 % 8 == row / 16 % 8;
    if (row % 16 != 0 || clash) std::abort();
  }
}

inline void load_matrices(SharedAddress row, uint32_t (&fragment)[4]) {
  const char* rows[32];
  exchange_rows(row, rows);
  const int lane = threadIdx.x % 32;
  for (int i = 0; i < 4; ++i) {
    memcpy(&fragment[i], rows[8 * i + lane / 4] + lane % 4 * 4, 4);
  }
}

inline void load_matrices_transposed(SharedAddress row, uint32_t (&fragment)[4]) {
  const char* rows[32];
  exchange_rows(row, rows);
  const int lane = threadIdx.x % 32;
  for (int i = 0; i < 4; ++i) {
    for (int half = 0; half < 2; ++half) {
      memcpy(reinterpret_cast<char*>(&fragment[i]) + 2 * half, rows[8 * i + lane % 4 * 2 + half] + lane / 4 * 2, 2);
    }
  }
}

/// Fragments of one multiply-add.
struct Operands {
  uint32_t left[4], right[2];
};

/// An element of a word; of a float32 the bits that TF32 has.
template <class Scalar>
float element(uint32_t word, int index) {
  Scalar value;
  if (sizeof(Scalar) == 4) word &= 0xffffe000u;
  memcpy(&value, reinterpret_cast<const char*>(&word) + index * sizeof(Scalar), sizeof(Scalar));
  return widen(value);
}

template <class Scalar>
void multiply_add(Scalar, const uint32_t (&left)[4], const uint32_t (&right)[2], float (&sums)[4]) {
  constexpr int kPerWord = 4 / sizeof(Scalar);
  Operands own, all[32];
  memcpy(own.left, left, sizeof(left));
  memcpy(own.right, right, sizeof(right));
  cuda_on_host::exchange(&own, sizeof(own), all);
  const int lane = threadIdx.x % 32;
  for (int value = 0; value < 4; ++value) {
    const int row = lane / 4, row_half = value / 2;  // rows 8 … 15 in the odd words of the left operand
    const int column = lane % 4 * 2 + value % 2;
    for (int depth_half = 0; depth_half < 2; ++depth_half) {
      for (int quad = 0; quad < 4; ++quad) {
        for (int e = 0; e < kPerWord; ++e) {
          const float a = element<Scalar>(all[4 * row + quad].left[2 * depth_half + row_half], e);
          const float b = element<Scalar>(all[4 * column + quad].right[depth_half], e);
          sums[value] += a * b;
        }
      }
    }
  }
}

/// The bits of a float32 rounded to the nearest TF32, ties away from zero.
inline uint32_t round_to_tf32(uint32_t bits) {
  return (bits & 0x7f800000u) == 0x7f800000u ? bits : (bits + 0x1000u) & ~0x1fffu;
}

}  // namespace completion::cuda
