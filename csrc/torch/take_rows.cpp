// Binding of take_rows.
#include "completion/take_rows.h"

#include "launch.h"

namespace completion::binding {
namespace {

Tensor take_rows(const Tensor& features, const Tensor& rows, const Tensor& inverse) {
  (void)inverse;  // the backward pass needs it
  STD_TORCH_CHECK(features.dim() == 2 && rows.dim() == 1, "take_rows: features must be [N, C] and rows [M]");
  const Tensor x = in_memory_order(features), dense_rows = in_memory_order(rows);
  Tensor output = empty(features, {rows.size(0), features.size(1)}, features.scalar_type());
  TakeRowsParams params{};
  params.features = x.const_data_ptr();
  params.rows = dense_rows.const_data_ptr<int32_t>();
  params.output = output.mutable_data_ptr();
  params.num_source = features.size(0);
  params.num_target = rows.size(0);
  params.element_bytes = static_cast<int64_t>(features.element_size());
  params.row_bytes = features.size(1) * params.element_bytes;
  COMPLETION_RUN(take_rows, features, params);
  return output;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("take_rows(Tensor features, Tensor rows, Tensor inverse) -> Tensor");
}

COMPLETION_REGISTER(m) { m.impl("take_rows", TORCH_BOX(&take_rows)); }

}  // namespace completion::binding
