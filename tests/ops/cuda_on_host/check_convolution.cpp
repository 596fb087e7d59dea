// Runs the convolution kernels on the host against loops in double precision.
#include <algorithm>
#include <cfloat>

#include "completion/convolution.h"
#include "completion/kernel_pairs.h"
#include "feature_cases.h"

namespace check {
namespace {

using namespace completion;

/// How a case is given to the kernels: what they must give does not depend on it, but for the rounding of TF32.
struct Manner {
  bool transposed_weight, opposite, ordered, paired, tf32;
};

/// A slot for each offset: with many offsets several of them share one.
std::vector<int32_t> random_slots(Random& random, int num_offsets, int num_slots) {
  std::vector<int32_t> slots(num_offsets);
  for (int32_t& slot : slots) slot = random.below(num_slots);
  return slots;
}

/// Takes pairs away until each row has one in a slot.
void thin_out(Table& table, const std::vector<int32_t>& slots) {
  for (int64_t m = 0; m < table.num_target; ++m) {
    bool taken[kPairSlots] = {};
    for (int k = 0; k < table.num_offsets; ++k) {
      int32_t& row = table.rows[m * table.num_offsets + k];
      if (row >= 0 && taken[slots[k]]) row = -1;
      if (row >= 0) taken[slots[k]] = true;
    }
  }
}

/// The table as pairs.
std::vector<int32_t> pairs_of(const Table& table, const std::vector<int32_t>& slots, int num_slots) {
  std::vector<int32_t> pairs(table.num_target * num_slots, -1);
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const int k = static_cast<int>(i % table.num_offsets);
    const int64_t place = static_cast<int64_t>(i / table.num_offsets) * num_slots + slots[k];
    if (table.rows[i] >= 0) pairs[place] = pack_pair(table.rows[i], k);
  }
  return pairs;
}

/// Every target row once, in a random order.
std::vector<int32_t> random_order(Random& random, int64_t count) {
  std::vector<int32_t> order(count);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t j = random.below(static_cast<int>(i + 1));
    order[i] = order[j];
    order[j] = static_cast<int32_t>(i);
  }
  return order;
}

template <class Scalar>
void check_convolution(Random& random, const Shape& s, const Manner& manner) {
  Table table(random, s.sources, s.targets, s.offsets, s.percent);
  const int num_slots = s.offsets < 17 ? s.offsets : 17;
  const std::vector<int32_t> slots = random_slots(random, s.offsets, num_slots);
  if (manner.paired) thin_out(table, slots);
  const std::vector<int32_t> order = random_order(random, s.targets);
  const bool coarse = manner.tf32 || sizeof(Scalar) == 2;  // so that both hold them exactly
  const auto x = random_values<Scalar>(random, table.num_source * s.in_channels, coarse);
  const auto w =
      random_values<Scalar>(random, static_cast<int64_t>(s.offsets) * s.in_channels * s.out_channels, coarse);
  std::vector<Scalar> y(table.num_target * s.out_channels, scalar<Scalar>(7));
  ConvolutionParams params = {};
  params.features = x.data();
  const std::vector<int32_t> pairs = pairs_of(table, slots, num_slots);
  params.table = manner.paired ? nullptr : table.rows.data();
  params.pairs = manner.paired ? pairs.data() : nullptr;
  params.num_slots = manner.paired ? num_slots : 0;
  params.slots = slots.data();
  params.order = manner.ordered ? order.data() : nullptr;
  params.output = y.data();
  params.num_source = s.sources;
  params.num_target = s.targets;
  params.in_channels = s.in_channels;
  params.out_channels = s.out_channels;
  // Opposite: offsets take the weight from the last to the first.
  const int64_t stride = int64_t{s.in_channels} * s.out_channels;
  const Scalar* const first = w.data() + (manner.opposite ? (s.offsets - 1) * stride : 0);
  params.weight = first;
  params.weight_strides[0] = manner.opposite ? -stride : stride;
  params.weight_strides[1] = manner.transposed_weight ? 1 : s.out_channels;
  params.weight_strides[2] = manner.transposed_weight ? s.in_channels : 1;
  params.num_offsets = s.offsets;
  params.dtype = dtype_of<Scalar>();
  params.allow_tf32 = manner.tf32;
  CHECK(cuda::convolution_workspace_bytes(params) == 0, "workspace");
  CHECK(cuda::convolution(params, nullptr) == 0, "convolution");
  const int64_t* const strides = params.weight_strides;
  for (int m = 0; m < s.targets; ++m) {
    for (int j = 0; j < s.out_channels; ++j) {
      double sum = 0;
      for (int k = 0; k < s.offsets; ++k) {
        const int n = table.rows[m * s.offsets + k];
        for (int i = 0; n >= 0 && i < s.in_channels; ++i) {
          sum += static_cast<double>(cuda::widen(x[n * s.in_channels + i])) *
                 cuda::widen(first[k * strides[0] + i * strides[1] + j * strides[2]]);
        }
      }
      const double got = cuda::widen(y[m * s.out_channels + j]);
      CHECK(std::fabs(got - sum) <= bound<Scalar>(s.offsets * s.in_channels, sum), "[%d, %d] %g not %g", m, j, got,
            sum);
    }
  }
}

template <class Scalar>
void check_grad_weight(Random& random, const Shape& s, bool tf32) {
  using Sum = cuda::Accumulator<Scalar>;
  const Table table(random, s.sources, s.targets, s.offsets, s.percent);
  const bool coarse = tf32 || sizeof(Scalar) == 2;
  const auto x = random_values<Scalar>(random, table.num_source * s.in_channels, coarse);
  const auto g = random_values<Scalar>(random, table.num_target * s.out_channels, coarse);
  std::vector<Sum> grad(static_cast<size_t>(s.offsets) * s.in_channels * s.out_channels, 7);
  ConvolutionGradWeightParams params = {};
  params.features = x.data(), params.grad = g.data(), params.grad_weight = grad.data();
  params.table = table.rows.data(), params.reverse = table.reverse.data();
  params.num_source = s.sources, params.num_target = s.targets;
  params.in_channels = s.in_channels, params.out_channels = s.out_channels;
  params.num_offsets = s.offsets, params.dtype = dtype_of<Scalar>(), params.allow_tf32 = tf32;
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

/// A row that is infinite, or not a number, makes the rows that use it so, and no others: also where float32 is
/// multiplied in parts. The largest number is a number.
void check_infinity(Random& random) {
  const int channels = 8, rows = 40;
  const Table table(random, rows, rows, 3, 60);
  std::vector<float> x(rows * channels, 0.5f), w(3 * channels * channels, 0.25f), y(rows * channels);
  for (int i = 0; i < channels; ++i) x[7 * channels + i] = HUGE_VALF, x[9 * channels + i] = NAN;
  x[11 * channels] = FLT_MAX;
  ConvolutionParams params = {};
  params.features = x.data(), params.weight = w.data(), params.table = table.rows.data(), params.output = y.data();
  params.num_source = params.num_target = rows, params.in_channels = params.out_channels = channels;
  params.weight_strides[0] = channels * channels, params.weight_strides[1] = channels, params.weight_strides[2] = 1;
  params.num_offsets = 3;
  CHECK(cuda::convolution(params, nullptr) == 0, "convolution");
  for (int m = 0; m < rows; ++m) {
    const int32_t* const entries = &table.rows[m * 3];
    const auto uses = [&](int row) { return std::count(entries, entries + 3, row) > 0; };
    for (int j = 0; j < channels; ++j) {
      const float got = y[m * channels + j];
      const bool right = uses(9)    ? std::isnan(got)
                         : uses(7)  ? got == HUGE_VALF
                         : uses(11) ? got >= FLT_MAX / 4 * 0.999f && std::isfinite(got)
                                    : got >= 0 && got <= 3;
      CHECK(right, "[%d, %d] %g", m, j, got);
    }
  }
}

}  // namespace
}  // namespace check

int main(int count, char** arguments) {
  check::choose_order(count, arguments);
  check::Random random(3);
  check::check_infinity(random);
  check::for_types_and_shapes([&](auto tag, const check::Shape& shape) {
    using Scalar = typename decltype(tag)::type;
    for (const bool tf32 : {false, true}) {
      if (tf32 && !std::is_same_v<Scalar, float>) continue;
      const bool has_tiles = sizeof(Scalar) < 8 && shape.in_channels % 8 == 0 && shape.out_channels % 8 == 0;
      for (int size = 0; size < (has_tiles ? 3 : 1) && shape.targets <= 2000; ++size) {  // many rows: for the gradient
        cuda_on_host::multiprocessors = size == 0 ? 132 : 2 - size;  // few make one tile fill the GPU: tiles are large
        cuda_on_host::architecture = size == 0 ? 8 : 9;
        for (const bool transposed_weight : {false, true}) {
          const bool paired = transposed_weight != (size == 1);
          check::check_convolution<Scalar>(
              random, shape,
              {transposed_weight, transposed_weight != (size == 2), size > 0 || transposed_weight, paired, tf32});
        }
      }
      for (const int architecture : {8, 9}) {
        cuda_on_host::architecture = architecture;
        const bool warpgroups = sizeof(Scalar) == 2 && has_tiles && shape.in_channels > 64 && shape.out_channels > 64;
        if (architecture == 8 || warpgroups) check::check_grad_weight<Scalar>(random, shape, tf32);
      }
    }
  });
}
