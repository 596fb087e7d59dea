// What the checks of feature kernels share: typed values, random neighbour tables, the cases and the error bound.
#pragma once

#include <cmath>
#include <type_traits>

#include "../../../csrc/cuda/scalar.cuh"
#include "check.h"

namespace check {

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

/// Random values in [-1, 1] that the scalar holds exactly: of 24 bits where it has them, of few when `coarse`.
template <class Scalar>
std::vector<Scalar> random_values(Random& random, int64_t count, bool coarse = sizeof(Scalar) == 2) {
  const int steps = coarse ? 16 : 1 << 23;
  std::vector<Scalar> values(count);
  for (Scalar& value : values) value = scalar<Scalar>(random.below(2 * steps + 1) / static_cast<double>(steps) - 1.0);
  return values;
}

/// One number for each column, as norms take them beside features of a scalar.
template <class Scalar>
std::vector<cuda::Accumulator<Scalar>> column(Random& random, int channels, double first, double range) {
  std::vector<cuda::Accumulator<Scalar>> values(channels);
  for (auto& value : values) value = static_cast<cuda::Accumulator<Scalar>>(first + range * random.signed_unit());
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

// One tile and several on each axis, several chunks and ranges of rows, K above a group of 32, odd channels, nothing;
// the last ones in whole packs of 16 bytes, as tensor cores take them.
const std::vector<Shape> kShapes = {
    {0, 0, 27, 3, 5, 30},     {5, 1, 1, 1, 1, 100},       {40, 0, 8, 4, 4, 50},       {90, 140, 8, 17, 3, 30},
    {150, 70, 4, 16, 32, 50}, {60, 520, 2, 3, 70, 40},    {20, 140, 35, 2, 20, 10},   {300, 600, 27, 1, 16, 40},
    {90, 140, 8, 7, 3, 30},   {90, 130, 27, 16, 24, 20},  {90, 70, 35, 8, 72, 30},    {40, 140, 3, 40, 136, 70},
    {40, 70, 27, 48, 64, 20}, {2100, 2200, 2, 8, 16, 20}, {2100, 2200, 2, 8, 72, 20}, {30, 70, 64, 8, 64, 2}};

// Channels as tiles of warpgroups take them: of 256, 128 and 64 columns, in several stages and groups of offsets.
const std::vector<Shape> kWideShapes = {
    {400, 420, 2, 72, 136, 90}, {40, 140, 3, 136, 96, 40}, {50, 140, 35, 64, 72, 4}, {90, 140, 3, 72, 48, 60}};

/// Largest error allowed: `terms` products of size at most 1, summed in `Accumulator` and rounded once to the scalar.
/// Products of float32 in parts of TF32 are good to 2⁻²¹; beside that, sums err by half as much.
template <class Scalar>
double bound(double terms, double expected) {
  const double sum_eps = sizeof(cuda::Accumulator<Scalar>) == 8 ? 1e-15 : 0x1.8p-21;
  const double eps = sizeof(Scalar) > 2 ? 0 : std::is_same_v<Scalar, Float16> ? 0x1p-11 : 0x1p-8;
  return terms * sum_eps + eps * std::fabs(expected);
}

/// Calls check(TypeTag<Scalar>{}, shape) for every element type and case, the wide ones with half types.
template <class Check>
void for_types_and_shapes(const Check& check) {
  for (const Shape& shape : kShapes) {
    for (const DType dtype : {DType::float32, DType::float64, DType::bfloat16, DType::float16}) {
      cuda::with_scalar(dtype, [&](auto tag) { check(tag, shape); });
    }
  }
  for (const Shape& shape : kWideShapes) {
    check(cuda::TypeTag<BFloat16>{}, shape);
    check(cuda::TypeTag<Float16>{}, shape);
  }
}

}  // namespace check
