// Binding of layer_norm and layer_norm_grad.
#include "completion/layer_norm.h"

#include "columns.h"
#include "launch.h"

namespace completion::binding {
namespace {

Tensor layer_norm(const Tensor& features, const Tensor& weight, const Tensor& bias, double eps) {
  STD_TORCH_CHECK(features.dim() == 2, "layer_norm: features must be [N, C]");
  const Tensor x = kernel_features(features);
  const Tensor scale = column("layer_norm", weight, x), shift = column("layer_norm", bias, x);
  Tensor output = empty(x, {x.size(0), x.size(1)}, x.scalar_type());
  LayerNormParams params{};
  params.features = x.const_data_ptr();
  params.weight = scale.const_data_ptr();
  params.bias = shift.const_data_ptr();
  params.output = output.mutable_data_ptr();
  params.num_rows = x.size(0);
  params.channels = x.size(1);
  params.eps = eps;
  params.dtype = feature_dtype("layer_norm", x);
  COMPLETION_RUN(layer_norm, x, params);
  return converted(output, features.scalar_type());
}

std::tuple<Tensor, Tensor, Tensor> layer_norm_grad(const Tensor& grad, const Tensor& features, const Tensor& weight,
                                                   double eps) {
  STD_TORCH_CHECK(features.dim() == 2 && grad.dim() == 2 && grad.size(0) == features.size(0) &&
                      grad.size(1) == features.size(1) && grad.scalar_type() == features.scalar_type(),
                  "layer_norm_grad: grad and features must be [N, C] of one dtype");
  const Tensor x = kernel_features(features), g = kernel_features(grad);
  const Tensor scale = column("layer_norm_grad", weight, x);
  Tensor grad_features = empty(x, {x.size(0), x.size(1)}, x.scalar_type());
  Tensor grad_weight = empty(x, {x.size(1)}, column_type(x)), grad_bias = empty(x, {x.size(1)}, column_type(x));
  LayerNormGradParams params{};
  params.grad = g.const_data_ptr();
  params.features = x.const_data_ptr();
  params.weight = scale.const_data_ptr();
  params.grad_features = grad_features.mutable_data_ptr();
  params.grad_weight = grad_weight.mutable_data_ptr();
  params.grad_bias = grad_bias.mutable_data_ptr();
  params.num_rows = x.size(0);
  params.channels = x.size(1);
  params.eps = eps;
  params.dtype = feature_dtype("layer_norm_grad", x);
  const auto scratch = COMPLETION_WORKSPACE(layer_norm_grad, x, params);
  COMPLETION_RUN(layer_norm_grad, x, params);
  return {converted(grad_features, features.scalar_type()), converted(grad_weight, weight.scalar_type()),
          converted(grad_bias, weight.scalar_type())};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("layer_norm(Tensor features, Tensor weight, Tensor bias, float eps) -> Tensor");
  m.def("layer_norm_grad(Tensor grad, Tensor features, Tensor weight, float eps) -> (Tensor, Tensor, Tensor)");
}

COMPLETION_REGISTER(m) {
  m.impl("layer_norm", TORCH_BOX(&layer_norm));
  m.impl("layer_norm_grad", TORCH_BOX(&layer_norm_grad));
}

}  // namespace completion::binding
