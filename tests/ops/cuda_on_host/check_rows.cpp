// Runs the kernels that copy and pool rows on the host against loops, and checks the half types that they read.
#include "completion/add_rows.h"
#include "completion/pooling.h"
#include "completion/take_rows.h"
#include "feature_cases.h"

namespace check {
namespace {

using namespace completion;

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

template <class Scalar>
void check_add_rows(Random& random, const Shape& s) {
  const int c_count = s.in_channels;
  const auto a = random_values<Scalar>(random, s.sources * c_count), b = random_values<Scalar>(random, 7 * c_count);
  std::vector<int32_t> a_rows(s.targets), b_rows(s.targets);
  for (int32_t& row : a_rows) row = random.below(s.sources + 1) - 1;
  for (int32_t& row : b_rows) row = random.below(8) - 1;
  std::vector<Scalar> output(s.targets * c_count);
  CHECK(cuda::add_rows(
            {a.data(), a_rows.data(), b.data(), b_rows.data(), output.data(), s.targets, c_count, dtype_of<Scalar>()},
            nullptr) == 0,
        "add_rows");
  for (int m = 0; m < s.targets; ++m) {
    for (int c = 0; c < c_count; ++c) {
      const double expected = (a_rows[m] < 0 ? 0.0 : cuda::widen(a[a_rows[m] * c_count + c])) +
                              (b_rows[m] < 0 ? 0.0 : cuda::widen(b[b_rows[m] * c_count + c]));
      CHECK(std::fabs(cuda::widen(output[m * c_count + c]) - expected) <= bound<Scalar>(2, expected), "[%d, %d]", m, c);
    }
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

}  // namespace
}  // namespace check

int main(int count, char** arguments) {
  check::choose_order(count, arguments);
  check::Random random(4);
  check::check_scalars(random);
  check::for_types_and_shapes([&](auto tag, const check::Shape& shape) {
    check::check_pools<typename decltype(tag)::type>(random, shape);
    check::check_add_rows<typename decltype(tag)::type>(random, shape);
  });
  check::check_pool_max_nan();
  for (const int width : {1, 3, 8, 40}) {
    for (const int shift : {0, 1}) {
      check::check_take_rows<uint16_t>(random, 9, 70, width, shift);
      check::check_take_rows<uint32_t>(random, 9, 70, width, shift);
      check::check_take_rows<uint64_t>(random, 0, 70, width, shift);
    }
  }
}
