// Threads of a block as fibers: the part of cuda_runtime.h that is more than a declaration.
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "cuda_runtime.h"

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_on_host {

bool backward = false;
int multiprocessors = 132;
int architecture = 8;

namespace {

/// The threads of one block as fibers of one host thread. A fiber runs until it waits, so that a missing barrier shows
/// as a wrong result; when none can go on the program ends.
class Block {
 public:
  explicit Block(dim3 size) : size_(size), fibers_(size.x * size.y), warps_((fibers_.size() + 31) / 32) {}

  void run() {
    for (Fiber& fiber : fibers_) start(fiber);
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

  /// What a lane shows lies in one of two places by turns: it is read after the barrier of its exchange, and written
  /// again only after that of the next, which no lane passes before all have read.
  void exchange(const void* own, size_t bytes, void* all) {
    if (bytes > sizeof(Fiber::shown[0])) fail("an exchange of too many bytes");
    const size_t warp = current_ / 32;
    const size_t lanes = std::min<size_t>(32, fibers_.size() - 32 * warp);
    const size_t turn = fibers_[current_].turn++ % 2;
    std::memcpy(fibers_[current_].shown[turn], own, bytes);
    wait(warps_[warp], lanes);
    for (size_t lane = 0; lane < lanes; ++lane) {
      std::memcpy(static_cast<char*>(all) + lane * bytes, fibers_[32 * warp + lane].shown[turn], bytes);
    }
  }

  unsigned ballot(bool vote) {
    bool all[32] = {};
    exchange(&vote, sizeof(vote), all);
    unsigned votes = 0;
    for (size_t lane = 0; lane < 32; ++lane) votes |= static_cast<unsigned>(all[lane]) << lane;
    return votes;
  }

 private:
  static constexpr size_t kStackBytes = 1 << 18;

  struct Fiber {
    ucontext_t context;
    std::unique_ptr<char[]> stack{new char[kStackBytes]};
    bool finished;
    size_t turn = 0;
    char shown[2][32];
  };

  struct Barrier {
    size_t arrived = 0;
    int64_t passes = 0;
  };

  void start(Fiber& fiber) {
    fiber.finished = false;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = &scheduler_;
    makecontext(&fiber.context, run_thread, 0);
  }

  static void run_thread();

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

  dim3 size_;
  std::vector<Fiber> fibers_;
  std::vector<Barrier> warps_;
  Barrier all_;
  ucontext_t scheduler_;
  size_t current_ = 0;
  int64_t progress_ = 0;
};

// What runs now.
Block* running_block = nullptr;
void (*running_body)(const void*) = nullptr;
const void* running_kernel = nullptr;
void* running_shared = nullptr;

void Block::run_thread() {
  running_body(running_kernel);
  running_block->fibers_[running_block->current_].finished = true;
}

}  // namespace

void run_grid(dim3 grid, dim3 size, size_t shared_bytes, void (*body)(const void*), const void* kernel) {
  Block block(size);
  // Of the exact size, so that the address sanitizer sees a step over its end.
  void* memory = nullptr;
  if (posix_memalign(&memory, 1024, shared_bytes) != 0) std::abort();
  const std::unique_ptr<void, void (*)(void*)> shared(memory, std::free);
  running_shared = shared.get();
  running_block = &block;
  running_body = body;
  running_kernel = kernel;
  blockDim = size;
  gridDim = grid;
  const int64_t count = static_cast<int64_t>(grid.x) * grid.y;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t b = backward ? count - 1 - i : i;
    blockIdx = dim3(static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x), 0);
    std::memset(running_shared, 0xff, shared_bytes);  // not a number in every type
    block.run();
  }
}

void wait_for_block() { running_block->wait(); }

unsigned ballot(bool vote) { return running_block->ballot(vote); }

void exchange(const void* own, size_t bytes, void* all) { running_block->exchange(own, bytes, all); }

void* shared_memory() { return running_shared; }

}  // namespace cuda_on_host
