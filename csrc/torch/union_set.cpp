// Binding of union_set.
#include "completion/union_set.h"

#include "launch.h"

namespace completion::binding {
namespace {

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> union_set(const Tensor& a, const Tensor& b) {
  STD_TORCH_CHECK(a.dim() == 1 && b.dim() == 1, "union_set: a and b must be [N]");
  const Tensor dense_a = in_memory_order(a), dense_b = in_memory_order(b);
  Tensor counts = empty(a, {1}, ScalarType::Long);
  UnionSetParams params{};
  params.keys_a = dense_a.const_data_ptr<int64_t>();
  params.keys_b = dense_b.const_data_ptr<int64_t>();
  params.num_a = a.size(0);
  params.num_b = b.size(0);
  params.counts = counts.mutable_data_ptr<int64_t>();
  const auto scratch = COMPLETION_WORKSPACE(union_set, a, params);
  COMPLETION_RUN(union_set_count, a, params);

  const int64_t members = read_counts(counts)[0];
  Tensor keys = empty(a, {members}, ScalarType::Long);
  Tensor rows_a = empty(a, {params.num_a}, ScalarType::Int);
  Tensor rows_b = empty(a, {params.num_b}, ScalarType::Int);
  Tensor inverse_a = empty(a, {members}, ScalarType::Int);
  Tensor inverse_b = empty(a, {members}, ScalarType::Int);
  params.keys = keys.mutable_data_ptr<int64_t>();
  params.rows_a = rows_a.mutable_data_ptr<int32_t>();
  params.rows_b = rows_b.mutable_data_ptr<int32_t>();
  params.inverse_a = inverse_a.mutable_data_ptr<int32_t>();
  params.inverse_b = inverse_b.mutable_data_ptr<int32_t>();
  COMPLETION_RUN(union_set_fill, a, params);
  return {keys, rows_a, rows_b, inverse_a, inverse_b};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("union_set(Tensor a, Tensor b) -> (Tensor, Tensor, Tensor, Tensor, Tensor)");
}

COMPLETION_REGISTER(m) { m.impl("union_set", TORCH_BOX(&union_set)); }

}  // namespace completion::binding
