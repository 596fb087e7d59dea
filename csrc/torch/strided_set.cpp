// Binding of strided_set.
#include "completion/strided_set.h"

#include "launch.h"

namespace completion::binding {
namespace {

std::tuple<Tensor, Tensor> strided_set(const Tensor& keys, std::vector<int64_t> stride) {
  STD_TORCH_CHECK(keys.dim() == 1 && stride.size() == 3, "strided_set: keys must be [N] and stride three integers");
  const Tensor dense = in_memory_order(keys);
  Tensor counts = empty(keys, {2}, ScalarType::Long);
  StridedSetParams params{};
  params.keys = dense.const_data_ptr<int64_t>();
  params.num_rows = keys.size(0);
  for (int axis = 0; axis < 3; ++axis) {
    STD_TORCH_CHECK(stride[axis] >= 1 && stride[axis] <= 65536, "strided_set: stride must be 1 to 65536, got ",
                    stride[axis]);
    params.stride[axis] = static_cast<int32_t>(stride[axis]);
  }
  params.counts = counts.mutable_data_ptr<int64_t>();
  const auto scratch = COMPLETION_WORKSPACE(strided_set, keys, params);
  COMPLETION_RUN(strided_set_count, keys, params);

  const std::vector<int64_t> numbers = read_counts(counts);
  STD_TORCH_CHECK(numbers[1] == 0, "strided_set: parents must lie in -32768 to 32767, got ", numbers[1],
                  " rows whose parent does not");
  Tensor parent_keys = empty(keys, {numbers[0]}, ScalarType::Long);
  Tensor parent = empty(keys, {params.num_rows}, ScalarType::Int);
  params.parent_keys = parent_keys.mutable_data_ptr<int64_t>();
  params.parent = parent.mutable_data_ptr<int32_t>();
  COMPLETION_RUN(strided_set_fill, keys, params);
  return {parent_keys, parent};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) { m.def("strided_set(Tensor keys, int[] stride) -> (Tensor, Tensor)"); }

COMPLETION_REGISTER(m) { m.impl("strided_set", TORCH_BOX(&strided_set)); }

}  // namespace completion::binding
