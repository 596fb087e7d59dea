// Binding of add_rows.
#include "completion/add_rows.h"

#include "launch.h"

namespace completion::binding {
namespace {

/// Rows in memory order and of a type that the backend adds.
Tensor operand(const Tensor& features) {
  const bool is_added = features.is_cuda() || features.scalar_type() != ScalarType::Half;
  return is_added ? in_memory_order(features) : kernel_features(features);
}

Tensor add_rows(const Tensor& first, const Tensor& first_rows, const Tensor& first_inverse, const Tensor& second,
                const Tensor& second_rows, const Tensor& second_inverse) {
  (void)first_inverse, (void)second_inverse;  // the backward pass needs them
  STD_TORCH_CHECK(first.dim() == 2 && second.dim() == 2 && first.size(1) == second.size(1) &&
                      first.scalar_type() == second.scalar_type() && first_rows.dim() == 1 && second_rows.dim() == 1 &&
                      first_rows.size(0) == second_rows.size(0),
                  "add_rows: first must be [N1, C], second [N2, C] of the same dtype, first_rows and second_rows [M]");
  const Tensor a = operand(first), b = operand(second);
  const Tensor a_rows = in_memory_order(first_rows), b_rows = in_memory_order(second_rows);
  Tensor output = empty(a, {first_rows.size(0), first.size(1)}, a.scalar_type());
  AddRowsParams params{};
  params.first = a.const_data_ptr();
  params.first_rows = a_rows.const_data_ptr<int32_t>();
  params.second = b.const_data_ptr();
  params.second_rows = b_rows.const_data_ptr<int32_t>();
  params.output = output.mutable_data_ptr();
  params.num_target = first_rows.size(0);
  params.channels = first.size(1);
  params.dtype = feature_dtype("add_rows", a);
  COMPLETION_RUN(add_rows, first, params);
  return converted(output, first.scalar_type());
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def(
      "add_rows(Tensor first, Tensor first_rows, Tensor first_inverse, Tensor second, Tensor second_rows, Tensor "
      "second_inverse) -> Tensor");
}

COMPLETION_REGISTER(m) { m.impl("add_rows", TORCH_BOX(&add_rows)); }

}  // namespace completion::binding
