// Runs the kernels of layer normalisation on the host against loops in double.
#include "completion/layer_norm.h"
#include "feature_cases.h"

namespace check {
namespace {

using namespace completion;

/// A row in double: its numbers before weight and bias, and 1 / √(variance + eps).
struct NormalRow {
  std::vector<double> normal;
  double inverse = 0;

  NormalRow(std::vector<double> x, double eps) : normal(std::move(x)) {
    const auto count = static_cast<double>(normal.size());
    double mean = 0, squares = 0;
    for (const double value : normal) mean += value / count;
    for (const double value : normal) squares += (value - mean) * (value - mean) / count;
    inverse = 1 / std::sqrt(squares + eps);
    for (double& value : normal) value = (value - mean) * inverse;
  }
};

/// Of `rows` rows, the first of which may lie in memory where packs do not.
template <class Scalar>
void check_norm(Random& random, int rows, int channels, int shift) {
  using Sum = cuda::Accumulator<Scalar>;
  const int64_t count = int64_t{rows} * channels;
  auto x_memory = random_values<Scalar>(random, count + shift), g_memory = random_values<Scalar>(random, count + shift);
  const Scalar *const x = x_memory.data() + shift, *const g = g_memory.data() + shift;
  const auto weight = column<Scalar>(random, channels, 1, 0.5), bias = column<Scalar>(random, channels, 0, 0.5);
  std::vector<Scalar> out_memory(count + shift), back_memory(count + shift);
  Scalar *const out = out_memory.data() + shift, *const back = back_memory.data() + shift;
  const DType dtype = dtype_of<Scalar>();
  const double eps = 1e-2, tolerance = sizeof(Sum) == 8 ? 1e-12 : 2e-5;
  const double rounding = sizeof(Scalar) > 2 ? 0 : std::is_same_v<Scalar, Float16> ? 0x1p-11 : 0x1p-8;
  const auto near = [&](double actual, double expected, double size, double rounded) {
    return std::fabs(actual - expected) <= tolerance * size + rounded * std::fabs(expected);
  };
  CHECK(cuda::layer_norm({x, weight.data(), bias.data(), out, rows, channels, eps, dtype}, nullptr) == 0, "norm");
  std::vector<Sum> grad_weight(channels, 7), grad_bias(channels, 7);
  LayerNormGradParams params{g,    x,        weight.data(), back, grad_weight.data(), grad_bias.data(), nullptr, 0,
                             rows, channels, eps,           dtype};
  const auto memory = workspace(params, cuda::layer_norm_grad_workspace_bytes(params));
  CHECK(cuda::layer_norm_grad(params, nullptr) == 0, "gradient");
  std::vector<double> sums(channels), products(channels);
  for (int n = 0; n < rows; ++n) {
    const auto at = [&](const Scalar* values, int c) -> double { return cuda::widen(values[n * channels + c]); };
    std::vector<double> numbers(channels);
    for (int c = 0; c < channels; ++c) numbers[c] = at(x, c);
    const NormalRow row(numbers, eps);
    double taken = 0, spread = 0;
    for (int c = 0; c < channels; ++c) {
      sums[c] += at(g, c);
      products[c] += at(g, c) * row.normal[c];
      taken += at(g, c) * weight[c] / channels;
      spread += at(g, c) * weight[c] * row.normal[c] / channels;
    }
    for (int c = 0; c < channels; ++c) {
      const double expected = row.inverse * (at(g, c) * weight[c] - taken - row.normal[c] * spread);
      CHECK(near(at(out, c), row.normal[c] * weight[c] + bias[c], 8, rounding), "[%d, %d]", n, c);
      CHECK(near(at(back, c), expected, 8 * row.inverse, rounding), "grad [%d, %d] of %d: %g for %g", n, c, channels,
            at(back, c), expected);
    }
  }
  for (int c = 0; c < channels; ++c) {
    CHECK(near(grad_bias[c], sums[c], rows, 0) && near(grad_weight[c], products[c], 2 * rows, 0),
          "columns of %d rows: %g %g", rows, double(grad_bias[c]) - sums[c], double(grad_weight[c]) - products[c]);
  }
}

struct Size {
  int rows, channels;
};
// No row and one, packs and single columns, fewer lanes than a warp, a lane with several packs, one part and several.
constexpr Size kSizes[] = {{0, 8}, {1, 1}, {3, 24}, {63, 5}, {65, 16}, {300, 16}, {600, 3}, {70, 520}, {9, 1024}};

}  // namespace
}  // namespace check

int main(int count, char** arguments) {
  using namespace check;
  choose_order(count, arguments);
  Random random(5);
  for (const DType dtype : {DType::float32, DType::float64, DType::bfloat16, DType::float16}) {
    cuda::with_scalar(dtype, [&](auto tag) {
      using Scalar = typename decltype(tag)::type;
      for (const auto [rows, channels] : kSizes) check_norm<Scalar>(random, rows, channels, 0);
      check_norm<Scalar>(random, 70, 16, 1);
    });
  }
}
