// batch_statistics, batch_norm and batch_norm_grad on the CPU. Sums over rows are made by parts (part_sums.h).
#include "completion/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "exp.h"
#include "instruction_set.h"
#include "part_sums.h"

namespace completion::cpu {
namespace {

constexpr int64_t kWidth = 64;  // columns that loops should have at least

/// What the loops need of each column; the last two of the backward pass alone.
template <class T>
struct Columns {
  const T *mean, *scale, *bias;
  const T *grad_mean, *grad_spread;  // of batches, else null: what the statistics take of a gradient: grad_mean + (x −
                                     // mean) · grad_spread
};

template <class T>
struct Loops {
  void (*sum_rows)(const T*, const T*, int64_t, int64_t, T*, T*);
  void (*normalise_rows)(const Columns<T>&, const T*, int64_t, int64_t, T*);
  void (*sum_gradients)(const Columns<T>&, const T*, const T*, int64_t, int64_t, T*, T*);
  void (*differentiate_rows)(const Columns<T>&, const T*, const T*, int64_t, int64_t, T*);
};

namespace generic {
#include "batch_norm.inc"
}  // namespace generic

#ifdef COMPLETION_X86_SETS
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#include "batch_norm.inc"
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma")
namespace avx512 {
#include "batch_norm.inc"
}  // namespace avx512
#pragma GCC pop_options
#endif

template <class T>
Loops<T> loops_of(Activation activation) {
#ifdef COMPLETION_X86_SETS
  if (instruction_set() == InstructionSet::avx512) return avx512::loops_of<T>(activation);
  if (instruction_set() == InstructionSet::avx2) return avx2::loops_of<T>(activation);
#endif
  return generic::loops_of<T>(activation);
}

/// Parts of long rows, so that loops over few channels are not short ones.
Parts parts_of(int64_t num_rows, int64_t channels) {
  return {num_rows, channels, std::max<int64_t>(1, kWidth / std::max<int64_t>(channels, 1))};
}

template <class T>
void find_statistics(const BatchStatisticsParams& params, ParallelFor parallel_for) {
  const int64_t channels = params.channels;
  const auto* const x = static_cast<const T*>(params.features);
  const Parts parts = parts_of(params.num_rows, channels);
  const PartSums<T> sums(parts, params.workspace);
  const Loops<T> loops = loops_of<T>(Activation::none);
  sums.clear();
  const auto first_row = [&](int64_t part) { return x + parts.first_row(part) * channels; };
  parts.run(parallel_for, [&](int64_t part, int64_t start, int64_t rows, int64_t width) {
    loops.sum_rows(first_row(part), x + start, rows, width, sums.first(part), sums.second(part));
  });
  std::vector<double> mean(channels), spread(channels);
  sums.add_up(parallel_for, [&](int64_t begin, int64_t end, const typename PartSums<T>::Summed& part) {
    const T* const from = x + part.first_row * channels;
    for (int64_t c = begin; c < end; ++c) mean[c] += static_cast<double>(part.rows) * from[c] + part.first[c];
  });
  const auto count = static_cast<double>(params.num_rows);
  for (double& value : mean) value /= count;
  sums.add_up(parallel_for, [&](int64_t begin, int64_t end, const typename PartSums<T>::Summed& part) {
    const T* const from = x + part.first_row * channels;
    for (int64_t c = begin; c < end; ++c) {
      const double shift = from[c] - mean[c];
      spread[c] += part.second[c] + shift * (2.0 * part.first[c] + static_cast<double>(part.rows) * shift);
    }
  });
  const auto move = [&](void* running, int64_t c, double value) {
    T& moved = static_cast<T*>(running)[c];
    moved = static_cast<T>(moved + params.momentum * (value - moved));
  };
  for (int64_t c = 0; c < channels; ++c) {
    spread[c] = spread[c] < 0 ? 0 : spread[c];  // as rounding can make it; NaN stays
    static_cast<T*>(params.mean)[c] = static_cast<T>(mean[c]);
    static_cast<T*>(params.variance)[c] = static_cast<T>(spread[c] / count);
    move(params.running_mean, c, mean[c]);
    move(params.running_variance, c, spread[c] / (count - 1));
  }
  ++*params.num_batches;
}

/// The columns of long rows, each number once for each place.
template <class T>
class ColumnValues {
 public:
  ColumnValues(const Normalisation& norm, const Parts& parts, int64_t channels)
      : norm_(norm), channels_(channels), width_(parts.width()), values_(5 * width_) {
    const auto of = [&](const void* column, int64_t c) { return static_cast<const T*>(column)[c]; };
    fill(0, [&](int64_t c) { return of(norm_.mean, c); });
    fill(1, [&](int64_t c) { return of(norm_.weight, c) * inverse_deviation(c); });
    fill(2, [&](int64_t c) { return of(norm_.bias, c); });
  }

  double inverse_deviation(int64_t c) const {
    return 1 / std::sqrt(static_cast<const T*>(norm_.variance)[c] + norm_.eps);
  }

  /// What the statistics take of the gradient, from the sums of it and of its products with what is centred.
  void set_gradient(const std::vector<double>& sums, const std::vector<double>& products, int64_t num_rows) {
    const auto count = static_cast<double>(num_rows);
    of_batch_ = true;
    fill(3, [&](int64_t c) { return sums[c] / count; });
    fill(4, [&](int64_t c) { return products[c] / count * inverse_deviation(c) * inverse_deviation(c); });
  }

  Columns<T> get() const { return {at(0), at(1), at(2), of_batch_ ? at(3) : nullptr, of_batch_ ? at(4) : nullptr}; }

 private:
  const T* at(int64_t column) const { return values_.data() + column * width_; }

  template <class Value>
  void fill(int64_t column, const Value& value) {
    for (int64_t i = 0; i < width_; ++i) {
      T& target = values_[column * width_ + i];
      target = i < channels_ ? static_cast<T>(value(i)) : values_[column * width_ + i - channels_];
    }
  }

  const Normalisation& norm_;
  int64_t channels_, width_;
  std::vector<T> values_;
  bool of_batch_ = false;
};

template <class T>
void normalise(const BatchNormParams& params, ParallelFor parallel_for) {
  const Parts parts = parts_of(params.num_rows, params.channels);
  const ColumnValues<T> values(params.norm, parts, params.channels);
  const Loops<T> loops = loops_of<T>(params.norm.activation);
  parts.run(parallel_for, [&](int64_t, int64_t start, int64_t rows, int64_t width) {
    loops.normalise_rows(values.get(), static_cast<const T*>(params.features) + start, rows, width,
                         static_cast<T*>(params.output) + start);
  });
}

template <class T>
void differentiate(const BatchNormGradParams& params, ParallelFor parallel_for) {
  const int64_t channels = params.channels;
  const auto *const x = static_cast<const T*>(params.features), *const grad = static_cast<const T*>(params.grad);
  const Parts parts = parts_of(params.num_rows, channels);
  const PartSums<T> sums(parts, params.workspace);
  ColumnValues<T> values(params.norm, parts, channels);
  const Loops<T> loops = loops_of<T>(params.norm.activation);
  sums.clear();
  parts.run(parallel_for, [&](int64_t part, int64_t start, int64_t rows, int64_t width) {
    loops.sum_gradients(values.get(), x + start, grad + start, rows, width, sums.first(part), sums.second(part));
  });
  const auto [total, product] = sums.totals(parallel_for);
  if (params.of_batch) values.set_gradient(total, product, params.num_rows);
  parts.run(parallel_for, [&](int64_t, int64_t start, int64_t rows, int64_t width) {
    loops.differentiate_rows(values.get(), x + start, grad + start, rows, width,
                             static_cast<T*>(params.grad_features) + start);
  });
  for (int64_t c = 0; c < channels; ++c) {
    static_cast<T*>(params.grad_weight)[c] = static_cast<T>(product[c] * values.inverse_deviation(c));
    static_cast<T*>(params.grad_bias)[c] = static_cast<T>(total[c]);
  }
}

}  // namespace

int64_t batch_statistics_workspace_bytes(const BatchStatisticsParams& params) {
  return part_sums_bytes(parts_of(params.num_rows, params.channels), params.dtype);
}

void batch_statistics(const BatchStatisticsParams& params, ParallelFor parallel_for) {
  params.dtype == DType::float64 ? find_statistics<double>(params, parallel_for)
                                 : find_statistics<float>(params, parallel_for);
}

void batch_norm(const BatchNormParams& params, ParallelFor parallel_for) {
  params.dtype == DType::float64 ? normalise<double>(params, parallel_for) : normalise<float>(params, parallel_for);
}

int64_t batch_norm_grad_workspace_bytes(const BatchNormGradParams& params) {
  return part_sums_bytes(parts_of(params.num_rows, params.channels), params.dtype);
}

void batch_norm_grad(const BatchNormGradParams& params, ParallelFor parallel_for) {
  params.dtype == DType::float64 ? differentiate<double>(params, parallel_for)
                                 : differentiate<float>(params, parallel_for);
}

}  // namespace completion::cpu
