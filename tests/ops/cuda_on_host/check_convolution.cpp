// Runs the convolution kernels on the host against loops in double precision.
#include "completion/convolution.h"
#include "feature_cases.h"

namespace check {
namespace {

using namespace completion;

template <class Scalar>
void check_convolution(Random& random, const Shape& s) {
  const Table table(random, s.sources, s.targets, s.offsets, s.percent);
  const auto x = random_values<Scalar>(random, table.num_source * s.in_channels);
  const auto w = random_values<Scalar>(random, static_cast<int64_t>(s.offsets) * s.in_channels * s.out_channels);
  std::vector<Scalar> y(table.num_target * s.out_channels, scalar<Scalar>(7));
  const ConvolutionParams params = {x.data(),
                                    w.data(),
                                    table.rows.data(),
                                    nullptr,
                                    y.data(),
                                    s.sources,
                                    s.targets,
                                    s.in_channels,
                                    s.out_channels,
                                    {int64_t{s.in_channels} * s.out_channels, s.out_channels, 1},
                                    s.offsets,
                                    dtype_of<Scalar>(),
                                    false,
                                    nullptr,
                                    0};
  CHECK(cuda::convolution_workspace_bytes(params) == 0, "workspace");
  CHECK(cuda::convolution(params, nullptr) == 0, "convolution");
  for (int m = 0; m < s.targets; ++m) {
    for (int j = 0; j < s.out_channels; ++j) {
      double sum = 0;
      for (int k = 0; k < s.offsets; ++k) {
        const int n = table.rows[m * s.offsets + k];
        for (int i = 0; n >= 0 && i < s.in_channels; ++i) {
          sum += static_cast<double>(cuda::widen(x[n * s.in_channels + i])) *
                 cuda::widen(w[(k * s.in_channels + i) * s.out_channels + j]);
        }
      }
      const double got = cuda::widen(y[m * s.out_channels + j]);
      CHECK(std::fabs(got - sum) <= bound<Scalar>(s.offsets * s.in_channels, sum), "[%d, %d] %g not %g", m, j, got,
            sum);
    }
  }
}

template <class Scalar>
void check_grad_weight(Random& random, const Shape& s) {
  using Sum = cuda::Accumulator<Scalar>;
  const Table table(random, s.sources, s.targets, s.offsets, s.percent);
  const auto x = random_values<Scalar>(random, table.num_source * s.in_channels);
  const auto g = random_values<Scalar>(random, table.num_target * s.out_channels);
  std::vector<Sum> grad(static_cast<size_t>(s.offsets) * s.in_channels * s.out_channels, 7);
  ConvolutionGradWeightParams params = {
      x.data(),      g.data(),       table.rows.data(), table.reverse.data(), grad.data(), s.sources, s.targets,
      s.in_channels, s.out_channels, s.offsets,         dtype_of<Scalar>(),   false,       nullptr,   0};
  std::vector<double> memory(cuda::convolution_grad_weight_workspace_bytes(params) / sizeof(double) + 1);
  params.workspace = memory.data();
  CHECK(cuda::convolution_grad_weight(params, nullptr) == 0, "convolution_grad_weight");
  for (int k = 0; k < s.offsets; ++k) {
    for (int i = 0; i < s.in_channels; ++i) {
      for (int j = 0; j < s.out_channels; ++j) {
        double sum = 0;
        for (int m = 0; m < s.targets; ++m) {
          const int n = table.rows[m * s.offsets + k];
          if (n >= 0)
            sum += static_cast<double>(cuda::widen(x[n * s.in_channels + i])) * cuda::widen(g[m * s.out_channels + j]);
        }
        const double got = grad[(k * s.in_channels + i) * s.out_channels + j];
        CHECK(std::fabs(got - sum) <= bound<Sum>(s.targets, sum), "[%d, %d, %d] %g not %g", k, i, j, got, sum);
      }
    }
  }
}

}  // namespace
}  // namespace check

int main(int count, char** arguments) {
  check::choose_order(count, arguments);
  check::Random random(3);
  check::for_types_and_shapes([&](auto tag, const check::Shape& shape) {
    using Scalar = typename decltype(tag)::type;
    check::check_convolution<Scalar>(random, shape);
    check::check_grad_weight<Scalar>(random, shape);
  });
}
