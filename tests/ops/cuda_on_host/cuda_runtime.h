// The part of CUDA that csrc/cuda uses, on the host, so that g++ and its sanitizers can run the kernels without a GPU:
// one fiber for each thread of a block, one block at a time. Says nothing about speed or about a GPU's memory model.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)

using std::min;

using cudaError_t = int;
using cudaStream_t = void*;

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
};

inline dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_on_host {

/// Whether the highest thread of a block runs first.
inline bool backward = false;

/// The threads of one block as fibers of one host thread. A fiber runs until it waits, so that a missing barrier shows
/// as a wrong result; when none can go on the program ends.
class Block {
 public:
  explicit Block(dim3 size) : size_(size), fibers_(size.x * size.y), warps_((fibers_.size() + 31) / 32) {}

  template <class Kernel>
  void run(const Kernel& kernel) {
    for (Fiber& fiber : fibers_) start(fiber, kernel);
    for (size_t finished = 0; finished < fibers_.size();) {
      const int64_t before = progress_;
      for (size_t i = 0; i < fibers_.size(); ++i) {
        current_ = backward ? fibers_.size() - 1 - i : i;
        if (fibers_[current_].finished) continue;
        threadIdx = dim3(static_cast<unsigned>(current_) % size_.x, static_cast<unsigned>(current_) / size_.x, 0);
        swapcontext(&scheduler_, &fibers_[current_].context);
        finished += fibers_[current_].finished;
        progress_ += fibers_[current_].finished;
      }
      if (progress_ == before) fail("a barrier that some threads never reach");
    }
  }

  void wait() { wait(all_, fibers_.size()); }

  unsigned ballot(bool vote) {
    const size_t warp = current_ / 32;
    const size_t lanes = std::min<size_t>(32, fibers_.size() - 32 * warp);
    fibers_[current_].vote = vote;
    wait(warps_[warp], lanes);
    unsigned votes = 0;
    for (size_t lane = 0; lane < lanes; ++lane) votes |= static_cast<unsigned>(fibers_[32 * warp + lane].vote) << lane;
    wait(warps_[warp], lanes);
    return votes;
  }

 private:
  static constexpr size_t kStackBytes = 1 << 16;

  struct Fiber {
    ucontext_t context;
    std::unique_ptr<char[]> stack{new char[kStackBytes]};
    bool finished;
    bool vote;
  };

  struct Barrier {
    size_t arrived = 0;
    int64_t passes = 0;
  };

  template <class Kernel>
  void start(Fiber& fiber, const Kernel& kernel) {
    static const Kernel* running;
    running = &kernel;
    fiber.finished = false;
    getcontext(&fiber.context);
    fiber.context.uc_stack = {fiber.stack.get(), 0, kStackBytes};
    fiber.context.uc_link = &scheduler_;
    void (*const body)() = [] {
      (*running)();
      block()->fibers_[block()->current_].finished = true;
    };
    makecontext(&fiber.context, body, 0);
  }

  void wait(Barrier& barrier, size_t threads) {
    const int64_t pass = barrier.passes;
    if (++barrier.arrived == threads) {
      barrier.arrived = 0;
      ++barrier.passes;
      ++progress_;
    }
    while (barrier.passes == pass) swapcontext(&fibers_[current_].context, &scheduler_);
  }

  static void fail(const char* what) {
    std::fprintf(stderr, "cuda_on_host: %s\n", what);
    std::abort();
  }

 public:
  /// The block that runs now.
  static Block*& block() {
    static Block* running = nullptr;
    return running;
  }

 private:
  dim3 size_;
  std::vector<Fiber> fibers_;
  std::vector<Barrier> warps_;
  Barrier all_;
  ucontext_t scheduler_;
  size_t current_ = 0;
  int64_t progress_ = 0;
};

/// Runs kernel() for every thread of every block, one block at a time, also from the last.
template <class Kernel>
void run_grid(dim3 grid, dim3 size, const Kernel& kernel) {
  Block block(size);
  Block::block() = &block;
  blockDim = size;
  gridDim = grid;
  const int64_t count = static_cast<int64_t>(grid.x) * grid.y;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t b = backward ? count - 1 - i : i;
    blockIdx = dim3(static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x), 0);
    block.run(kernel);
  }
}

}  // namespace cuda_on_host

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  cuda_on_host::run_grid(config->gridDim, config->blockDim, [&] { kernel(arguments...); });
  return 0;
}

inline void __syncthreads() { cuda_on_host::Block::block()->wait(); }
inline unsigned __ballot_sync(unsigned, bool vote) { return cuda_on_host::Block::block()->ballot(vote); }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }

template <class T>
T atomicAdd(T* target, T value) {
  *target += value;
  return *target - value;
}

inline cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t) {
  memset(target, value, bytes);
  return 0;
}
inline cudaError_t cudaGetLastError() { return 0; }
inline const char* cudaGetErrorString(cudaError_t) { return "no error"; }
