// Binding of row_order.
#include "completion/row_order.h"

#include "launch.h"

namespace completion::binding {
namespace {

Tensor row_order(const Tensor& table) {
  STD_TORCH_CHECK(table.dim() == 2, "row_order: table must be [M, K]");
  const Tensor dense = in_memory_order(table);
  Tensor order = empty(table, {table.size(0)}, ScalarType::Int);
  RowOrderParams params{};
  params.table = dense.const_data_ptr<int32_t>();
  params.num_target = table.size(0);
  params.num_offsets = static_cast<int32_t>(table.size(1));
  params.order = order.mutable_data_ptr<int32_t>();
  const auto scratch = COMPLETION_WORKSPACE(row_order, table, params);
  COMPLETION_RUN(row_order, table, params);
  return order;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) { m.def("row_order(Tensor table) -> Tensor"); }

COMPLETION_REGISTER(m) { m.impl("row_order", TORCH_BOX(&row_order)); }

}  // namespace completion::binding
