// Scratch of one thread that begins on a cache line, so that no full-width vector straddles two.
#pragma once

#include <cstdint>
#include <vector>

namespace completion::cpu {

template <class T>
class AlignedScratch {
 public:
  explicit AlignedScratch(int64_t count) : storage_(count + 64 / sizeof(T)) {
    data_ = reinterpret_cast<T*>((reinterpret_cast<uintptr_t>(storage_.data()) + 63) / 64 * 64);
  }

  T* data() const { return data_; }

 private:
  std::vector<T> storage_;
  T* data_;
};

}  // namespace completion::cpu
