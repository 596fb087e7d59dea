// How CPU kernels run in parallel: a function pointer that the binding passes in, so that csrc/cpu needs no torch.
#pragma once

#include <cstdint>

namespace completion {

/// Work on the rows begin … end−1; `context` is the pointer given to ParallelFor. Must not throw.
using ParallelBody = void (*)(int64_t begin, int64_t end, void* context);

/// Calls body on disjoint sub-ranges that cover [begin, end), at least `grain` long, on the caller's threads; returns
/// when all are done.
using ParallelFor = void (*)(int64_t begin, int64_t end, int64_t grain, ParallelBody body, void* context);

/// Runs a callable f(begin, end) through a ParallelFor.
template <class Function>
void for_ranges(ParallelFor parallel_for, int64_t begin, int64_t end, int64_t grain, const Function& function) {
  const auto body = [](int64_t first, int64_t last, void* context) {
    (*static_cast<const Function*>(context))(first, last);
  };
  if (begin < end) {
    parallel_for(begin, end, grain, body, const_cast<void*>(static_cast<const void*>(&function)));
  }
}

}  // namespace completion
