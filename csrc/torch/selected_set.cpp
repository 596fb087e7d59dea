// Binding of selected_set.
#include "completion/selected_set.h"

#include "launch.h"

namespace completion::binding {
namespace {

std::tuple<Tensor, Tensor, Tensor> selected_set(const Tensor& keys, const Tensor& mask, int64_t num_selected) {
  const int64_t num_rows = keys.numel();
  STD_TORCH_CHECK(keys.dim() == 1 && mask.dim() == 1 && mask.size(0) == num_rows && num_selected <= num_rows,
                  "selected_set: keys and mask must be [N], num_selected at most N");
  const Tensor dense_keys = in_memory_order(keys), dense_mask = in_memory_order(mask);
  Tensor counts = empty(keys, {1}, ScalarType::Long);
  SelectedSetParams params{};
  params.keys = dense_keys.const_data_ptr<int64_t>();
  params.mask = static_cast<const uint8_t*>(dense_mask.const_data_ptr());
  params.num_rows = num_rows;
  params.counts = counts.mutable_data_ptr<int64_t>();
  const auto scratch = COMPLETION_WORKSPACE(selected_set, keys, params);
  COMPLETION_RUN(selected_set_count, keys, params);

  // The CPU has counted anyway.
  params.num_selected = keys.is_cuda() && num_selected >= 0 ? num_selected : read_counts(counts)[0];
  Tensor selected = empty(keys, {params.num_selected}, ScalarType::Long);
  Tensor rows = empty(keys, {params.num_selected}, ScalarType::Int);
  Tensor inverse = empty(keys, {num_rows}, ScalarType::Int);
  params.selected_keys = selected.mutable_data_ptr<int64_t>();
  params.rows = rows.mutable_data_ptr<int32_t>();
  params.inverse = inverse.mutable_data_ptr<int32_t>();
  COMPLETION_RUN(selected_set_fill, keys, params);
  return {selected, rows, inverse};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("selected_set(Tensor keys, Tensor mask, SymInt num_selected=-1) -> (Tensor, Tensor, Tensor)");
}

COMPLETION_REGISTER(m) { m.impl("selected_set", TORCH_BOX(&selected_set)); }

}  // namespace completion::binding
