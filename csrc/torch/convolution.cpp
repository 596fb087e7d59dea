// Binding of convolution and convolution_grad_weight.
#include "completion/convolution.h"

#include "launch.h"

namespace completion::binding {
namespace {

/// Output filled with zeros where there is nothing to sum: no rows, no channels or no offsets.
bool is_empty(const Tensor& tensor) { return tensor.numel() == 0; }

Tensor convolution(const Tensor& features, const Tensor& weight, const Tensor& table, const Tensor& reverse,
                   bool allow_tf32) {
  (void)reverse;  // the backward pass needs it
  STD_TORCH_CHECK(features.dim() == 2 && weight.dim() == 3 && table.dim() == 2 && weight.size(1) == features.size(1) &&
                      weight.size(0) == table.size(1),
                  "convolution: features must be [N, Cin], weight [K, Cin, Cout], table [M, K]");
  const std::vector<int64_t> sizes{table.size(0), weight.size(2)};
  if (is_empty(features) || is_empty(weight) || is_empty(table)) {
    return torch::stable::new_zeros(features, sizes);
  }
  const Tensor x = kernel_features(features), dense_table = torch::stable::contiguous(table);
  Tensor w = in_dtype_of(weight, x);
  if (w.is_cuda()) w = torch::stable::contiguous(w);
  Tensor output = empty(features, sizes, x.scalar_type());
  ConvolutionParams params{};
  params.features = x.const_data_ptr();
  params.weight = w.const_data_ptr();
  params.table = dense_table.const_data_ptr<int32_t>();
  params.output = output.mutable_data_ptr();
  params.num_source = features.size(0);
  params.num_target = table.size(0);
  params.in_channels = features.size(1);
  params.out_channels = weight.size(2);
  for (int axis = 0; axis < 3; ++axis) params.weight_strides[axis] = w.stride(axis);
  params.num_offsets = static_cast<int32_t>(table.size(1));
  params.dtype = feature_dtype("convolution", x);
  params.allow_tf32 = allow_tf32;
  const Tensor scratch = COMPLETION_WORKSPACE(convolution, features, params);
  COMPLETION_RUN(convolution, features, params);
  return in_dtype_of(output, features);
}

Tensor convolution_grad_weight(const Tensor& features, const Tensor& grad, const Tensor& table, const Tensor& reverse,
                               bool allow_tf32) {
  STD_TORCH_CHECK(features.dim() == 2 && grad.dim() == 2 && table.dim() == 2 && reverse.dim() == 2 &&
                      table.size(0) == grad.size(0) && reverse.size(0) == features.size(0) &&
                      reverse.size(1) == table.size(1) && grad.scalar_type() == features.scalar_type(),
                  "convolution_grad_weight: features must be [N, Cin], grad [M, Cout] of the same dtype, table [M, K], "
                  "reverse [N, K]");
  const std::vector<int64_t> sizes{table.size(1), features.size(1), grad.size(1)};
  const ScalarType sum_dtype = is_half_type(features) ? ScalarType::Float : features.scalar_type();
  if (is_empty(features) || is_empty(grad) || is_empty(table)) {
    return torch::stable::new_zeros(features, sizes, sum_dtype);
  }
  const Tensor x = kernel_features(features), g = kernel_features(grad);
  const Tensor dense_table = torch::stable::contiguous(table), dense_reverse = torch::stable::contiguous(reverse);
  Tensor grad_weight = empty(features, sizes, sum_dtype);
  ConvolutionGradWeightParams params{};
  params.features = x.const_data_ptr();
  params.grad = g.const_data_ptr();
  params.table = dense_table.const_data_ptr<int32_t>();
  params.reverse = dense_reverse.const_data_ptr<int32_t>();
  params.grad_weight = grad_weight.mutable_data_ptr();
  params.num_source = features.size(0);
  params.num_target = table.size(0);
  params.in_channels = features.size(1);
  params.out_channels = grad.size(1);
  params.num_offsets = static_cast<int32_t>(table.size(1));
  params.dtype = feature_dtype("convolution_grad_weight", x);
  params.allow_tf32 = allow_tf32;
  const Tensor scratch = COMPLETION_WORKSPACE(convolution_grad_weight, features, params);
  COMPLETION_RUN(convolution_grad_weight, features, params);
  return grad_weight;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("convolution(Tensor features, Tensor weight, Tensor table, Tensor reverse, bool allow_tf32=False) -> Tensor");
  m.def(
      "convolution_grad_weight(Tensor features, Tensor grad, Tensor table, Tensor reverse, bool allow_tf32=False) "
      "-> Tensor");
}

COMPLETION_REGISTER(m) {
  m.impl("convolution", TORCH_BOX(&convolution));
  m.impl("convolution_grad_weight", TORCH_BOX(&convolution_grad_weight));
}

}  // namespace completion::binding
