// Carves a workspace into arrays; with a null base it only adds up the bytes. Owns no memory.
#pragma once

#include <cstdint>

#ifdef COMPLETION_SANITIZE
#include <sanitizer/asan_interface.h>
#endif

namespace completion::cpu {

// Between two arrays of one allocation AddressSanitizer sees a step too far only where it is told to forbid it.
#ifdef COMPLETION_SANITIZE
constexpr int64_t kGapBytes = 64;
inline void forbid(char* begin, int64_t bytes) { ASAN_POISON_MEMORY_REGION(begin, bytes); }
#else
constexpr int64_t kGapBytes = 0;
inline void forbid(char*, int64_t) {}
#endif

class Arena {
 public:
  explicit Arena(void* base) : base_(static_cast<char*>(base)) {}

  /// Next `count` elements, aligned to a cache line; a null pointer while only counting.
  template <class T>
  T* take(int64_t count) {
    char* start = base_ == nullptr ? nullptr : base_ + bytes_;
    const int64_t used = count * static_cast<int64_t>(sizeof(T));
    const int64_t taken = (used + 63) / 64 * 64 + kGapBytes;
    bytes_ += taken;
    if (start != nullptr) forbid(start + used, taken - used);
    return reinterpret_cast<T*>(start);
  }

  int64_t bytes() const { return bytes_; }

 private:
  char* base_;
  int64_t bytes_ = 0;
};

}  // namespace completion::cpu
