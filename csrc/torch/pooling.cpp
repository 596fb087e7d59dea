// Binding of pool_sum, pool_max and pool_max_grad.
#include "completion/pooling.h"

#include "launch.h"

namespace completion::binding {
namespace {

Tensor pool_sum(const Tensor& features, const Tensor& table, const Tensor& reverse) {
  (void)reverse;  // the backward pass needs it
  STD_TORCH_CHECK(features.dim() == 2 && table.dim() == 2, "pool_sum: features must be [N, C] and table [M, K]");
  const Tensor x = kernel_features(features), dense_table = in_memory_order(table);
  Tensor output = empty(x, {table.size(0), features.size(1)}, x.scalar_type());
  PoolSumParams params{};
  params.features = x.const_data_ptr();
  params.table = dense_table.const_data_ptr<int32_t>();
  params.output = output.mutable_data_ptr();
  params.num_target = table.size(0);
  params.channels = features.size(1);
  params.num_offsets = static_cast<int32_t>(table.size(1));
  params.dtype = feature_dtype("pool_sum", x);
  COMPLETION_RUN(pool_sum, features, params);
  return converted(output, features.scalar_type());
}

std::tuple<Tensor, Tensor> pool_max(const Tensor& features, const Tensor& table) {
  STD_TORCH_CHECK(features.dim() == 2 && table.dim() == 2, "pool_max: features must be [N, C] and table [M, K]");
  const Tensor x = kernel_features(features), dense_table = in_memory_order(table);
  Tensor output = empty(x, {table.size(0), features.size(1)}, x.scalar_type());
  Tensor arg = empty(x, {table.size(0), features.size(1)}, ScalarType::Int);
  PoolMaxParams params{};
  params.features = x.const_data_ptr();
  params.table = dense_table.const_data_ptr<int32_t>();
  params.output = output.mutable_data_ptr();
  params.arg = arg.mutable_data_ptr<int32_t>();
  params.num_target = table.size(0);
  params.channels = features.size(1);
  params.num_offsets = static_cast<int32_t>(table.size(1));
  params.dtype = feature_dtype("pool_max", x);
  COMPLETION_RUN(pool_max, features, params);
  return {converted(output, features.scalar_type()), arg};
}

Tensor pool_max_grad(const Tensor& grad, const Tensor& arg, const Tensor& reverse) {
  STD_TORCH_CHECK(grad.dim() == 2 && arg.dim() == 2 && reverse.dim() == 2 && grad.size(0) == arg.size(0) &&
                      grad.size(1) == arg.size(1),
                  "pool_max_grad: grad and arg must be [M, C] and reverse [N, K]");
  const Tensor g = kernel_features(grad);
  const Tensor dense_arg = in_memory_order(arg), dense_reverse = in_memory_order(reverse);
  Tensor grad_features = empty(g, {reverse.size(0), grad.size(1)}, g.scalar_type());
  PoolMaxGradParams params{};
  params.grad = g.const_data_ptr();
  params.arg = dense_arg.const_data_ptr<int32_t>();
  params.reverse = dense_reverse.const_data_ptr<int32_t>();
  params.grad_features = grad_features.mutable_data_ptr();
  params.num_source = reverse.size(0);
  params.channels = grad.size(1);
  params.num_offsets = static_cast<int32_t>(reverse.size(1));
  params.dtype = feature_dtype("pool_max_grad", g);
  COMPLETION_RUN(pool_max_grad, grad, params);
  return converted(grad_features, grad.scalar_type());
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("pool_sum(Tensor features, Tensor table, Tensor reverse) -> Tensor");
  m.def("pool_max(Tensor features, Tensor table) -> (Tensor, Tensor)");
  m.def("pool_max_grad(Tensor grad, Tensor arg, Tensor reverse) -> Tensor");
}

COMPLETION_REGISTER(m) {
  m.impl("pool_sum", TORCH_BOX(&pool_sum));
  m.impl("pool_max", TORCH_BOX(&pool_max));
  m.impl("pool_max_grad", TORCH_BOX(&pool_max_grad));
}

}  // namespace completion::binding
