// Binding of child_keys.
#include "completion/child_keys.h"

#include "launch.h"

namespace completion::binding {
namespace {

bool is_power_of_two(int64_t value) { return value > 0 && (value & (value - 1)) == 0; }

Tensor child_keys(const Tensor& keys, int64_t num_children, int64_t step) {
  STD_TORCH_CHECK(keys.dim() == 1 && is_power_of_two(num_children) && is_power_of_two(step),
                  "child_keys: keys must be [N], num_children and step powers of two");
  const Tensor dense = in_memory_order(keys);
  Tensor children = empty(keys, {keys.size(0) * num_children}, ScalarType::Long);
  const ChildKeysParams params{dense.const_data_ptr<int64_t>(), keys.size(0), num_children, step,
                               children.mutable_data_ptr<int64_t>()};
  COMPLETION_RUN(child_keys, keys, params);
  return children;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) { m.def("child_keys(Tensor keys, int num_children, int step) -> Tensor"); }

COMPLETION_REGISTER(m) { m.impl("child_keys", TORCH_BOX(&child_keys)); }

}  // namespace completion::binding
