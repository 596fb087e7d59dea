// Carves a workspace into arrays; with a null base it only adds up the bytes. Owns no memory.
#pragma once

#include <cstdint>

namespace completion::cpu {

class Arena {
 public:
  explicit Arena(void* base) : base_(static_cast<char*>(base)) {}

  /// Next `count` elements, aligned to a cache line; a null pointer while only counting.
  template <class T>
  T* take(int64_t count) {
    char* start = base_ == nullptr ? nullptr : base_ + bytes_;
    bytes_ += (count * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
    return reinterpret_cast<T*>(start);
  }

  int64_t bytes() const { return bytes_; }

 private:
  char* base_;
  int64_t bytes_ = 0;
};

}  // namespace completion::cpu
