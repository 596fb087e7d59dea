// boxed_mask on the CPU: the rows of an item follow one another, so each stretch of them is one sum.
#include "completion/boxed_mask.h"

#include <algorithm>

#include "completion/key.h"

namespace completion::cpu {
namespace {

constexpr int64_t kGrain = 8192;

/// Adds to a count that other threads add to.
void add(int64_t* count, int64_t rows) {
  if (rows > 0) __atomic_fetch_add(count, rows, __ATOMIC_RELAXED);
}

/// The end of the rows from `begin` that are of its item.
int64_t end_of_item(const int64_t* keys, int64_t begin, int64_t end) {
  const int64_t item = item_of(keys[begin]);
  return std::partition_point(keys + begin, keys + end, [&](int64_t key) { return item_of(key) <= item; }) - keys;
}

}  // namespace

void boxed_mask(const BoxedMaskParams& params, ParallelFor parallel_for) {
  const MortonBox box = morton_box(params.low, params.high);
  std::fill_n(params.counts, params.batch_size + 1, 0);
  for_ranges(parallel_for, 0, params.num_rows, kGrain, [&](int64_t begin, int64_t end) {
    int64_t outside = 0;
    for (int64_t next = begin; begin < end; begin = next) {
      const int64_t item = item_of(params.keys[begin]);
      next = end_of_item(params.keys, begin, end);
      int64_t selected = 0;
      for (int64_t row = begin; row < next; ++row) {
        const bool inside = in_box(key_to_code(params.keys[row]), box);
        params.boxed[row] = inside && params.mask[row] != 0;
        selected += params.boxed[row];
        outside += !inside;
      }
      if (item < params.batch_size) add(params.counts + item, selected);
    }
    add(params.counts + params.batch_size, outside);
  });
}

}  // namespace completion::cpu
