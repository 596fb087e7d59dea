// Runs the kernels of batch normalisation on the host against loops in double.
#include "completion/batch_norm.h"
#include "feature_cases.h"

namespace check {
namespace {

using namespace completion;

struct Activated {
  double value, slope;
};

Activated activated(Activation activation, double z) {
  const double sigmoid = 1 / (1 + std::exp(-z));
  switch (activation) {
    case Activation::relu:
      return {z > 0 ? z : 0, z > 0 ? 1.0 : 0.0};
    case Activation::elu:
      return {z > 0 ? z : std::exp(z) - 1, z > 0 ? 1 : std::exp(z)};
    case Activation::silu:
      return {z * sigmoid, sigmoid + z * sigmoid * (1 - sigmoid)};
    default:
      return {z, 1};
  }
}

/// Of `rows` rows, the first of which may lie in memory where packs do not.
template <class Scalar>
void check_norm(Random& random, int rows, int channels, Activation activation, bool of_batch, int shift) {
  using Sum = cuda::Accumulator<Scalar>;
  const int64_t count = int64_t{rows} * channels;
  auto x_memory = random_values<Scalar>(random, count + shift), g_memory = random_values<Scalar>(random, count + shift);
  const Scalar *const x = x_memory.data() + shift, *const g = g_memory.data() + shift;
  const auto at = [&](const Scalar* values, int64_t row, int c) -> double {
    return cuda::widen(values[row * channels + c]);
  };
  const auto weight = column<Scalar>(random, channels, 1, 0.5), bias = column<Scalar>(random, channels, 0, 0.5);
  auto running_mean = column<Scalar>(random, channels, 0, 1),
       running_variance = column<Scalar>(random, channels, 1, 0.5);
  auto mean = running_mean, variance = running_variance;
  const DType dtype = dtype_of<Scalar>();
  const double tolerance = sizeof(Sum) == 8 ? 1e-12 : 2e-5, eps = 1e-5, momentum = 0.25;
  const double rounding = sizeof(Scalar) > 2 ? 0 : std::is_same_v<Scalar, Float16> ? 0x1p-11 : 0x1p-8;
  const auto near = [&](double actual, double expected, double size, double rounded) {
    return std::fabs(actual - expected) <= tolerance * (size + std::fabs(expected)) + rounded * std::fabs(expected);
  };
  if (of_batch) {
    const auto mean_before = running_mean, variance_before = running_variance;
    int64_t batches = 6;
    BatchStatisticsParams params{x,
                                 mean.data(),
                                 variance.data(),
                                 running_mean.data(),
                                 running_variance.data(),
                                 &batches,
                                 nullptr,
                                 0,
                                 rows,
                                 channels,
                                 momentum,
                                 dtype};
    const auto memory = workspace(params, cuda::batch_statistics_workspace_bytes(params));
    CHECK(cuda::batch_statistics(params, nullptr) == 0, "statistics");
    CHECK(batches == 7, "%ld batches", static_cast<long>(batches));
    for (int c = 0; c < channels; ++c) {
      double sum = 0, squares = 0;
      for (int n = 0; n < rows; ++n) sum += at(x, n, c);
      for (int n = 0; n < rows; ++n) squares += (at(x, n, c) - sum / rows) * (at(x, n, c) - sum / rows);
      CHECK(near(mean[c], sum / rows, 1, 0), "mean %d of %d", c, rows);
      CHECK(near(variance[c], squares / rows, 1, 0), "variance %d of %d: %g for %g", c, rows, double(variance[c]),
            squares / rows);
      CHECK(near(running_mean[c], 0.75 * mean_before[c] + 0.25 * sum / rows, 1, 0), "running mean");
      CHECK(near(running_variance[c], 0.75 * variance_before[c] + 0.25 * squares / (rows - 1), 1, 0),
            "running variance");
    }
  }
  const Normalisation norm{mean.data(), variance.data(), weight.data(), bias.data(), eps, activation};
  std::vector<Scalar> out_memory(count + shift), back_memory(count + shift);
  Scalar *const out = out_memory.data() + shift, *const back = back_memory.data() + shift;
  CHECK(cuda::batch_norm({x, out, norm, rows, channels, dtype}, nullptr) == 0, "norm");
  std::vector<Sum> grad_weight(channels, 7), grad_bias(channels, 7);
  BatchNormGradParams params{g,       x, back, grad_weight.data(), grad_bias.data(), norm,
                             nullptr, 0, rows, channels,           of_batch,         dtype};
  const auto memory = workspace(params, cuda::batch_norm_grad_workspace_bytes(params));
  CHECK(cuda::batch_norm_grad(params, nullptr) == 0, "gradient");
  for (int c = 0; c < channels; ++c) {
    const double inverse = 1 / std::sqrt(variance[c] + eps);
    const auto normal = [&](int n) { return (at(x, n, c) - mean[c]) * inverse; };
    const auto act = [&](int n) { return activated(activation, normal(n) * weight[c] + bias[c]); };
    double sum = 0, product = 0;
    for (int n = 0; n < rows; ++n) {
      sum += at(g, n, c) * act(n).slope;
      product += at(g, n, c) * act(n).slope * normal(n);
    }
    CHECK(near(grad_bias[c], sum, rows, 0) && near(grad_weight[c], product, rows, 0), "columns of %d rows: %g %g", rows,
          double(grad_bias[c]) - sum, double(grad_weight[c]) - product);
    const double taken = of_batch ? sum / rows : 0, taken_by_x = of_batch ? product / rows : 0;
    for (int n = 0; n < rows; ++n) {
      const double expected = weight[c] * inverse * (at(g, n, c) * act(n).slope - taken - normal(n) * taken_by_x);
      CHECK(near(cuda::widen(out[n * channels + c]), act(n).value, 2, rounding), "[%d, %d]", n, c);
      CHECK(near(cuda::widen(back[n * channels + c]), expected, 2 * weight[c] * inverse, rounding), "grad [%d, %d]", n,
            c);
    }
  }
}

struct Size {
  int rows, channels;
};
// One part and several, packs and single columns, one block of columns and several, fewer rows than threads.
constexpr Size kSizes[] = {{2, 1}, {2, 8}, {3, 24}, {63, 5}, {65, 16}, {300, 64}, {2200, 3}, {70, 520}};
constexpr Size kLongParts = {33000, 2};

}  // namespace
}  // namespace check

int main(int count, char** arguments) {
  using namespace check;
  choose_order(count, arguments);
  Random random(5);
  for (const DType dtype : {DType::float32, DType::float64, DType::bfloat16, DType::float16}) {
    cuda::with_scalar(dtype, [&](auto tag) {
      using Scalar = typename decltype(tag)::type;
      int turn = 0;
      for (const auto [rows, channels] : kSizes) {
        const auto activation = static_cast<Activation>(turn++ % 4);
        check_norm<Scalar>(random, rows, channels, activation, true, 0);
        check_norm<Scalar>(random, rows, channels, activation, false, 0);
      }
      for (int a = 0; a < 4; ++a) check_norm<Scalar>(random, 65, 8, static_cast<Activation>(a), true, 0);
      check_norm<Scalar>(random, 70, 16, Activation::elu, true, 1);
      for (const int rows : {0, 1}) check_norm<Scalar>(random, rows, 16, Activation::silu, false, 0);
    });
  }
  check_norm<Float16>(random, kLongParts.rows, kLongParts.channels, Activation::relu, true, 0);
}
