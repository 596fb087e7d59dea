// Runs the feature kernels of csrc/cuda on the host against loops in double precision.
#include <cmath>

#include "../../../csrc/cuda/scalar.cuh"
#include "check.h"
#include "completion/convolution.h"
#include "completion/pooling.h"
#include "completion/take_rows.h"

namespace check {
namespace {

using namespace completion;
using cuda::BFloat16;
using cuda::Float16;

template <class Scalar>
constexpr DType dtype_of() {
  return std::is_same_v<Scalar, float>     ? DType::float32
         : std::is_same_v<Scalar, double>  ? DType::float64
         : std::is_same_v<Scalar, Float16> ? DType::float16
                                           : DType::bfloat16;
}

template <class Scalar>
Scalar scalar(double value) {
  Scalar narrowed;
  cuda::narrow(static_cast<cuda::Accumulator<Scalar>>(value), &narrowed);
  return narrowed;
}

/// Random values that the scalar holds exactly.
template <class Scalar>
std::vector<Scalar> random_values(Random& random, int64_t count) {
  std::vector<Scalar> values(count);
  for (Scalar& value : values) value = scalar<Scalar>(random.below(33) / 16.0 - 1.0);
  return values;
}

/// A random table [M, K] in which no source row occurs twice in a column, and the same pairs seen from the sources.
struct Table {
  int64_t num_source, num_target;
  int32_t num_offsets;
  std::vector<int32_t> rows, reverse;

  Table(Random& random, int sources, int targets, int offsets, int percent)
      : num_source(sources),
        num_target(targets),
        num_offsets(offsets),
        rows(num_target * offsets, -1),
        reverse(num_source * offsets, -1) {
    for (int k = 0; k < offsets; ++k) {
      for (int m = 0; m < targets && sources > 0; ++m) {
        const int n = (m * 7 + k) % sources;
        if (random.below(100) >= percent || reverse[n * offsets + k] >= 0) continue;
        rows[m * offsets + k] = n;
        reverse[n * offsets + k] = m;
      }
    }
  }
};

struct Shape {
  int sources, targets, offsets, in_channels, out_channels, percent;
};

// One tile and several on each axis, K above a group of 32, odd channels, nothing at all.
const std::vector<Shape> kShapes = {{0, 0, 27, 3, 5, 30},     {5, 1, 1, 1, 1, 100},     {40, 0, 8, 4, 4, 50},
                                    {90, 140, 27, 17, 3, 30}, {150, 70, 8, 16, 32, 50}, {60, 70, 2, 5, 70, 40},
                                    {50, 300, 35, 2, 20, 10}};

/// Largest error allowed: `terms` products of size at most 1, summed in `Accumulator` and rounded once to the scalar.
template <class Scalar>
double bound(double terms, double expected) {
  const double sum_eps = sizeof(cuda::Accumulator<Scalar>) == 8 ? 1e-15 : 1e-7;
  const double eps = sizeof(Scalar) > 2 ? 0 : std::is_same_v<Scalar, Float16> ? 0x1p-11 : 0x1p-8;
  return terms * sum_eps + eps * std::fabs(expected);
}

template <class Scalar>
void check_convolution(Random& random, const Shape& s) {
  const Table table(random, s.sources, s.targets, s.offsets, s.percent);
  const auto x = random_values<Scalar>(random, table.num_source * s.in_channels);
  const auto w = random_values<Scalar>(random, static_cast<int64_t>(s.offsets) * s.in_channels * s.out_channels);
  std::vector<Scalar> y(table.num_target * s.out_channels, scalar<Scalar>(7));
  const ConvolutionParams params = {
      x.data(),       w.data(),  table.rows.data(),  y.data(), s.sources, s.targets, s.in_channels,
      s.out_channels, s.offsets, dtype_of<Scalar>(), false,    nullptr,   0};
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

template <class Scalar>
void check_pools(Random& random, const Shape& s) {
  const Table table(random, s.sources, s.targets, s.offsets, s.percent);
  const int c_count = s.in_channels;
  const auto x = random_values<Scalar>(random, table.num_source * c_count);
  const auto g = random_values<Scalar>(random, table.num_target * c_count);
  std::vector<Scalar> sums(table.num_target * c_count), best(sums), back(table.num_source * c_count);
  std::vector<int32_t> arg(sums.size());
  const DType dtype = dtype_of<Scalar>();
  CHECK(cuda::pool_sum({x.data(), table.rows.data(), sums.data(), s.targets, c_count, s.offsets, dtype}, nullptr) == 0,
        "sum");
  CHECK(cuda::pool_max({x.data(), table.rows.data(), best.data(), arg.data(), s.targets, c_count, s.offsets, dtype},
                       nullptr) == 0,
        "max");
  CHECK(cuda::pool_max_grad(
            {g.data(), arg.data(), table.reverse.data(), back.data(), s.sources, c_count, s.offsets, dtype}, nullptr) ==
            0,
        "max grad");
  std::vector<double> expected_back(back.size());
  for (int m = 0; m < s.targets; ++m) {
    for (int c = 0; c < c_count; ++c) {
      double sum = 0, largest = 0;
      int from = -1;
      for (int k = 0; k < s.offsets; ++k) {
        const int n = table.rows[m * s.offsets + k];
        if (n < 0) continue;
        const double value = cuda::widen(x[n * c_count + c]);
        sum += value;
        if (from < 0 || value > largest) largest = value, from = n;
      }
      const int64_t e = m * c_count + c;
      CHECK(std::fabs(cuda::widen(sums[e]) - sum) <= bound<Scalar>(s.offsets, sum), "sum [%d, %d]", m, c);
      CHECK(cuda::widen(best[e]) == largest && arg[e] == from, "max [%d, %d]", m, c);
      if (from >= 0) {  // a source may be the maximum of a target under several offsets: each counts
        for (int k = 0; k < s.offsets; ++k) {
          if (table.rows[m * s.offsets + k] == from) expected_back[from * c_count + c] += cuda::widen(g[e]);
        }
      }
    }
  }
  for (size_t e = 0; e < back.size(); ++e) {
    CHECK(std::fabs(cuda::widen(back[e]) - expected_back[e]) <= bound<Scalar>(s.offsets, expected_back[e]),
          "max grad %zu", e);
  }
}

void check_pool_max_nan() {
  const float x[] = {1, NAN, 2, -1};
  const int32_t table[] = {0, 1, 2, 3, -1, -1};
  float best[2];
  int32_t arg[2];
  CHECK(cuda::pool_max({x, table, best, arg, 2, 1, 3, DType::float32}, nullptr) == 0, "max");
  CHECK(std::isnan(best[0]) && arg[0] == 1, "a NaN wins");
  CHECK(best[1] == -1 && arg[1] == 3, "a single negative value is the maximum");
}

/// Rows of `width` words of each size, also at an address that only allows the narrowest copy.
template <class Word>
void check_take_rows(Random& random, int num_source, int num_target, int width, int shift) {
  std::vector<Word> memory(num_source * width + shift);
  for (Word& value : memory) value = static_cast<Word>(random.next());
  const Word* const features = memory.data() + shift;
  std::vector<int32_t> rows(num_target);
  for (int32_t& row : rows) row = random.below(num_source + 1) - 1;
  std::vector<Word> output(num_target * width, 7);
  CHECK(cuda::take_rows({features, rows.data(), output.data(), num_source, num_target,
                         static_cast<int64_t>(width * sizeof(Word)), sizeof(Word)},
                        nullptr) == 0,
        "take_rows");
  for (int m = 0; m < num_target; ++m) {
    for (int c = 0; c < width; ++c) {
      const Word expected = rows[m] < 0 ? Word{0} : features[rows[m] * width + c];
      CHECK(output[m * width + c] == expected, "[%d, %d] of width %d", m, c, width);
    }
  }
}

/// float32 → half types against the arithmetic definition, and every half value there and back.
void check_scalars(Random& random) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const Float16 half = {static_cast<uint16_t>(bits)};
    const BFloat16 brain = {static_cast<uint16_t>(bits)};
    if (!std::isnan(cuda::widen(half))) CHECK(scalar<Float16>(cuda::widen(half)).bits == bits, "float16 %x", bits);
    if (!std::isnan(cuda::widen(brain))) CHECK(scalar<BFloat16>(cuda::widen(brain)).bits == bits, "bfloat16 %x", bits);
    const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    if (exponent == 31) continue;
    const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    CHECK(cuda::widen(half) == (bits >> 15 ? -magnitude : magnitude), "float16 %x", bits);
  }
  for (int i = 0; i < 100000; ++i) {
    const float value = std::ldexp(random.signed_unit(), random.below(44) - 27);
    const double quantum = std::ldexp(1.0, std::max(std::ilogb(value == 0 ? 1e-30f : value), -14) - 10);
    const double rounded = std::nearbyint(value / quantum) * quantum;  // nearest, ties to even
    const double expected = std::fabs(rounded) > 65504 ? std::copysign(INFINITY, value) : rounded;
    CHECK(cuda::widen(scalar<Float16>(value)) == expected, "float16 of %g", value);
    const double coarse = std::ldexp(1.0, std::ilogb(value == 0 ? 1e-30f : value) - 7);
    CHECK(cuda::widen(scalar<BFloat16>(value)) == std::nearbyint(value / coarse) * coarse, "bfloat16 of %g", value);
  }
  CHECK(std::isnan(cuda::widen(scalar<Float16>(NAN))) && std::isnan(cuda::widen(scalar<BFloat16>(NAN))), "NaN stays");
}

template <class Scalar>
void check_all(Random& random) {
  for (const Shape& shape : kShapes) {
    check_convolution<Scalar>(random, shape);
    check_grad_weight<Scalar>(random, shape);
    check_pools<Scalar>(random, shape);
  }
}

}  // namespace
}  // namespace check

int main(int count, char** arguments) {
  check::choose_order(count, arguments);
  check::Random random(2);
  check::check_scalars(random);
  check::check_all<float>(random);
  check::check_all<double>(random);
  check::check_all<check::BFloat16>(random);
  check::check_all<check::Float16>(random);
  check::check_pool_max_nan();
  for (const int width : {1, 3, 8, 40}) {
    for (const int shift : {0, 1}) {
      check::check_take_rows<uint16_t>(random, 9, 70, width, shift);
      check::check_take_rows<uint32_t>(random, 9, 70, width, shift);
      check::check_take_rows<uint64_t>(random, 0, 70, width, shift);
    }
  }
  std::puts("features: ok");
}
