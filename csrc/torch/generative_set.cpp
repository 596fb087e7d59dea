// Binding of generative_set.
#include "completion/generative_set.h"

#include "launch.h"

namespace completion::binding {
namespace {

Tensor generative_set(const Tensor& keys, std::vector<int64_t> offsets) {
  STD_TORCH_CHECK(keys.dim() == 1, "generative_set: keys must be [N]");
  const Tensor dense = in_memory_order(keys);
  Tensor counts = empty(keys, {4}, ScalarType::Long);
  GenerativeSetParams params{};
  params.keys = dense.const_data_ptr<int64_t>();
  params.num_rows = keys.size(0);
  params.offsets = kernel_offsets("generative_set", offsets);
  params.counts = counts.mutable_data_ptr<int64_t>();
  const auto scratch = COMPLETION_WORKSPACE(generative_set, keys, params);
  COMPLETION_RUN(generative_set_count, keys, params);

  const std::vector<int64_t> numbers = read_counts(counts);
  STD_TORCH_CHECK(numbers[1] == 0, "generative_set: children must lie in -32768 to 32767, got some that do not");
  Tensor child_keys = empty(keys, {numbers[0]}, ScalarType::Long);
  params.num_bricks = numbers[2];
  params.brick_differences = numbers[3];
  params.child_keys = child_keys.mutable_data_ptr<int64_t>();
  COMPLETION_RUN(generative_set_fill, keys, params);
  return child_keys;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) { m.def("generative_set(Tensor keys, int[] offsets) -> Tensor"); }

COMPLETION_REGISTER(m) { m.impl("generative_set", TORCH_BOX(&generative_set)); }

}  // namespace completion::binding
