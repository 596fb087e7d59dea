// Binding of batch_statistics, batch_norm and batch_norm_grad.
#include "completion/batch_norm.h"

#include "columns.h"
#include "launch.h"

namespace completion::binding {
namespace {

/// The four columns of a normalisation as the backend takes them.
struct NormColumns {
  NormColumns(const Tensor& x, const Tensor& weight_, const Tensor& bias_, const Tensor& mean_, const Tensor& variance_)
      : mean(column("batch_norm", mean_, x)),
        variance(column("batch_norm", variance_, x)),
        weight(column("batch_norm", weight_, x)),
        bias(column("batch_norm", bias_, x)) {}

  Normalisation get(double eps, int64_t activation) const {
    STD_TORCH_CHECK(activation >= 0 && activation <= static_cast<int64_t>(Activation::silu),
                    "batch_norm: activation must be one of four, got ", activation);
    return {mean.const_data_ptr(),
            variance.const_data_ptr(),
            weight.const_data_ptr(),
            bias.const_data_ptr(),
            eps,
            static_cast<Activation>(activation)};
  }

  Tensor mean, variance, weight, bias;
};

std::tuple<Tensor, Tensor> batch_statistics(const Tensor& features, Tensor running_mean, Tensor running_variance,
                                            Tensor num_batches, double momentum) {
  STD_TORCH_CHECK(features.dim() == 2 && features.size(0) >= 2, "batch_statistics: features must be [N ≥ 2, C]");
  const Tensor x = kernel_features(features);
  const ScalarType type = column_type(x);
  Tensor mean = empty(x, {x.size(1)}, type), variance = empty(x, {x.size(1)}, type);
  Tensor moved_mean = column("batch_statistics", running_mean, x);
  Tensor moved_variance = column("batch_statistics", running_variance, x);
  STD_TORCH_CHECK(num_batches.numel() == 1 && num_batches.is_cuda() == x.is_cuda(),
                  "batch_statistics: num_batches must be one number on the device of the features");
  BatchStatisticsParams params{};
  params.features = x.const_data_ptr();
  params.mean = mean.mutable_data_ptr();
  params.variance = variance.mutable_data_ptr();
  params.running_mean = moved_mean.mutable_data_ptr();
  params.running_variance = moved_variance.mutable_data_ptr();
  params.num_batches = num_batches.mutable_data_ptr<int64_t>();
  params.num_rows = x.size(0);
  params.channels = x.size(1);
  params.momentum = momentum;
  params.dtype = feature_dtype("batch_statistics", x);
  const auto scratch = COMPLETION_WORKSPACE(batch_statistics, x, params);
  COMPLETION_RUN(batch_statistics, x, params);
  // Statistics of another type were moved in a copy.
  const auto write_back = [&](Tensor& running, const Tensor& moved) {
    if (running.const_data_ptr() == moved.const_data_ptr()) return;
    STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_copy_(running.get(), moved.get(), /*non_blocking=*/0));
  };
  write_back(running_mean, moved_mean);
  write_back(running_variance, moved_variance);
  return {mean, variance};
}

Tensor batch_norm(const Tensor& features, const Tensor& weight, const Tensor& bias, const Tensor& mean,
                  const Tensor& variance, double eps, int64_t activation, bool of_batch) {
  (void)of_batch;  // the backward pass needs it
  STD_TORCH_CHECK(features.dim() == 2, "batch_norm: features must be [N, C]");
  const Tensor x = kernel_features(features);
  const NormColumns columns(x, weight, bias, mean, variance);
  Tensor output = empty(x, {x.size(0), x.size(1)}, x.scalar_type());
  BatchNormParams params{};
  params.features = x.const_data_ptr();
  params.output = output.mutable_data_ptr();
  params.norm = columns.get(eps, activation);
  params.num_rows = x.size(0);
  params.channels = x.size(1);
  params.dtype = feature_dtype("batch_norm", x);
  COMPLETION_RUN(batch_norm, x, params);
  return converted(output, features.scalar_type());
}

std::tuple<Tensor, Tensor, Tensor> batch_norm_grad(const Tensor& grad, const Tensor& features, const Tensor& weight,
                                                   const Tensor& bias, const Tensor& mean, const Tensor& variance,
                                                   double eps, int64_t activation, bool of_batch) {
  STD_TORCH_CHECK(features.dim() == 2 && grad.dim() == 2 && grad.size(0) == features.size(0) &&
                      grad.size(1) == features.size(1) && grad.scalar_type() == features.scalar_type(),
                  "batch_norm_grad: grad and features must be [N, C] of one dtype");
  const Tensor x = kernel_features(features), g = kernel_features(grad);
  const NormColumns columns(x, weight, bias, mean, variance);
  Tensor grad_features = empty(x, {x.size(0), x.size(1)}, x.scalar_type());
  Tensor grad_weight = empty(x, {x.size(1)}, column_type(x)), grad_bias = empty(x, {x.size(1)}, column_type(x));
  BatchNormGradParams params{};
  params.grad = g.const_data_ptr();
  params.features = x.const_data_ptr();
  params.grad_features = grad_features.mutable_data_ptr();
  params.grad_weight = grad_weight.mutable_data_ptr();
  params.grad_bias = grad_bias.mutable_data_ptr();
  params.norm = columns.get(eps, activation);
  params.num_rows = x.size(0);
  params.channels = x.size(1);
  params.of_batch = of_batch;
  params.dtype = feature_dtype("batch_norm_grad", x);
  const auto scratch = COMPLETION_WORKSPACE(batch_norm_grad, x, params);
  COMPLETION_RUN(batch_norm_grad, x, params);
  return {converted(grad_features, features.scalar_type()), converted(grad_weight, weight.scalar_type()),
          converted(grad_bias, bias.scalar_type())};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def(
      "batch_statistics(Tensor features, Tensor(a!) running_mean, Tensor(b!) running_variance, Tensor(c!) num_batches, "
      "float momentum) -> (Tensor, Tensor)");
  m.def(
      "batch_norm(Tensor features, Tensor weight, Tensor bias, Tensor mean, Tensor variance, float eps, "
      "int activation, bool of_batch) -> Tensor");
  m.def(
      "batch_norm_grad(Tensor grad, Tensor features, Tensor weight, Tensor bias, Tensor mean, Tensor variance, "
      "float eps, int activation, bool of_batch) -> (Tensor, Tensor, Tensor)");
}

COMPLETION_REGISTER(m) {
  m.impl("batch_statistics", TORCH_BOX(&batch_statistics));
  m.impl("batch_norm", TORCH_BOX(&batch_norm));
  m.impl("batch_norm_grad", TORCH_BOX(&batch_norm_grad));
}

}  // namespace completion::binding
