// Binding of lookup.
#include "completion/lookup.h"

#include "launch.h"

namespace completion::binding {
namespace {

Tensor lookup(const Tensor& keys, const Tensor& queries) {
  STD_TORCH_CHECK(keys.dim() == 1 && queries.dim() == 1, "lookup: keys must be [N] and queries [M]");
  const Tensor dense_keys = in_memory_order(keys), dense_queries = in_memory_order(queries);
  Tensor rows = empty(queries, {queries.size(0)}, ScalarType::Int);
  LookupParams params{};
  params.keys = dense_keys.const_data_ptr<int64_t>();
  params.queries = dense_queries.const_data_ptr<int64_t>();
  params.num_rows = keys.size(0);
  params.num_queries = queries.size(0);
  params.rows = rows.mutable_data_ptr<int32_t>();
  const auto scratch = COMPLETION_WORKSPACE(lookup, keys, params);
  COMPLETION_RUN(lookup, keys, params);
  return rows;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) { m.def("lookup(Tensor keys, Tensor queries) -> Tensor"); }

COMPLETION_REGISTER(m) { m.impl("lookup", TORCH_BOX(&lookup)); }

}  // namespace completion::binding
