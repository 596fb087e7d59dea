// batch_statistics, batch_norm and batch_norm_grad: passes over all elements, and between them one over the sums of
// each column.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "column_sums.cuh"
#include "completion/batch_norm.h"
#include "launch.cuh"
#include "pack.cuh"
#include "scalar.cuh"

namespace completion::cuda {

namespace {

constexpr int64_t kBlocks = 2048;   // that keep a GPU busy: in place of more, threads walk further
constexpr int64_t kMostSteps = 16;  // rows of a thread, whose columns' numbers are read once

template <Activation A, class T>
__device__ __forceinline__ T activated(T z) {
  if constexpr (A == Activation::relu) return z < 0 ? T(0) : z;
  if constexpr (A == Activation::elu) return z > 0 ? z : std::expm1(z);
  if constexpr (A == Activation::silu) return z / (1 + std::exp(-z));
  return z;
}

/// Derivative of the activation.
template <Activation A, class T>
__device__ __forceinline__ T slope(T z) {
  if constexpr (A == Activation::relu) return z <= 0 ? T(0) : T(1);
  if constexpr (A == Activation::elu) return z > 0 ? T(1) : std::exp(z);
  if constexpr (A == Activation::silu) {
    const T sigmoid = 1 / (1 + std::exp(-z));
    return sigmoid * (1 + z * (1 - sigmoid));
  }
  return T(1);
}

/// A pack of the columns of a normalisation.
template <class Sum, int kPack>
struct NormPack {
  Pack<Sum, kPack> mean, scale, bias;

  __device__ NormPack(const Normalisation& norm, int64_t column) {
    mean = load_columns<Sum, kPack>(norm.mean, column);
    scale = load_columns<Sum, kPack>(norm.weight, column);
    bias = load_columns<Sum, kPack>(norm.bias, column);
    const auto variance = load_columns<Sum, kPack>(norm.variance, column);
#pragma unroll
    for (int i = 0; i < kPack; ++i) scale.value[i] /= std::sqrt(variance.value[i] + static_cast<Sum>(norm.eps));
  }
};

template <class Scalar, int kPack>
__global__ void __launch_bounds__(kBlockThreads) normalise_rows(BatchNormParams params, int64_t block_rows) {
  using Sum = Accumulator<Scalar>;
  const Walk walk(block_rows, params.num_rows, kPack);
  if (walk.column >= params.channels) return;
  const NormPack<Sum, kPack> norm(params.norm, walk.column);
  const ReadRow<Scalar, kPack> read(params.features, walk.column, params.channels);
  Scalar* const output = static_cast<Scalar*>(params.output) + walk.column;
  with_activation(params.norm.activation, [&](auto tag) {
    constexpr Activation kActivation = decltype(tag)::value;
    walk.each_row<4>(read, [&](int64_t row, const auto& values) {
      Pack<Scalar, kPack> out;
#pragma unroll
      for (int i = 0; i < kPack; ++i) {
        const Sum z = (widen(values.value[i]) - norm.mean.value[i]) * norm.scale.value[i] + norm.bias.value[i];
        narrow(activated<kActivation>(z), &out.value[i]);
      }
      store_pack(output + row * params.channels, out);
    });
  });
}

/// Differences to the first row of the part: their sums and the sums of their squares.
template <class Scalar, int kPack>
__global__ void __launch_bounds__(kBlockThreads)
    sum_rows(BatchStatisticsParams params, PartSums<Accumulator<Scalar>> sums) {
  using Sum = Accumulator<Scalar>;
  const Walk walk(sums.part_rows, params.num_rows, kPack);
  Sum pack_sums[2][kPack] = {};
  if (walk.column < params.channels) {
    const ReadRow<Scalar, kPack> read(params.features, walk.column, params.channels);
    const auto first = read(walk.block_begin);
    walk.each_row<4>(read, [&](int64_t, const auto& values) {
#pragma unroll
      for (int i = 0; i < kPack; ++i) {
        const Sum difference = widen(values.value[i]) - widen(first.value[i]);
        pack_sums[0][i] += difference;
        pack_sums[1][i] += difference * difference;
      }
    });
  }
  sums.write(pack_sums);
}

/// Of the gradient g before the activation: its sums and those of g (x − mean).
template <class Scalar, int kPack>
__global__ void __launch_bounds__(kBlockThreads)
    sum_gradients(BatchNormGradParams params, PartSums<Accumulator<Scalar>> sums) {
  using Sum = Accumulator<Scalar>;
  const Walk walk(sums.part_rows, params.num_rows, kPack);
  Sum pack_sums[2][kPack] = {};
  if (walk.column < params.channels) {
    const NormPack<Sum, kPack> norm(params.norm, walk.column);
    const ReadRows<Scalar, kPack> read(params.features, params.grad, walk.column, params.channels);
    with_activation(params.norm.activation, [&](auto tag) {
      constexpr Activation kActivation = decltype(tag)::value;
      walk.each_row<2>(read, [&](int64_t, const auto& both) {
#pragma unroll
        for (int i = 0; i < kPack; ++i) {
          const Sum centred = widen(both.x.value[i]) - norm.mean.value[i];
          const Sum g =
              widen(both.grad.value[i]) * slope<kActivation>(centred * norm.scale.value[i] + norm.bias.value[i]);
          pack_sums[0][i] += g;
          pack_sums[1][i] += g * centred;
        }
      });
    });
  }
  sums.write(pack_sums);
}

/// What the statistics take of a gradient is taken[0] + (x − mean) · taken[1], each [C].
template <class Scalar, int kPack>
__global__ void __launch_bounds__(kBlockThreads)
    differentiate_rows(BatchNormGradParams params, const Accumulator<Scalar>* taken, int64_t block_rows) {
  using Sum = Accumulator<Scalar>;
  const Walk walk(block_rows, params.num_rows, kPack);
  if (walk.column >= params.channels) return;
  const NormPack<Sum, kPack> norm(params.norm, walk.column);
  const auto mean_taken = load_columns<Sum, kPack>(taken, walk.column);
  const auto spread_taken = load_columns<Sum, kPack>(taken + params.channels, walk.column);
  const ReadRows<Scalar, kPack> read(params.features, params.grad, walk.column, params.channels);
  Scalar* const output = static_cast<Scalar*>(params.grad_features) + walk.column;
  with_activation(params.norm.activation, [&](auto tag) {
    constexpr Activation kActivation = decltype(tag)::value;
    walk.each_row<2>(read, [&](int64_t row, const auto& both) {
      Pack<Scalar, kPack> out;
#pragma unroll
      for (int i = 0; i < kPack; ++i) {
        const Sum centred = widen(both.x.value[i]) - norm.mean.value[i];
        const Sum g =
            widen(both.grad.value[i]) * slope<kActivation>(centred * norm.scale.value[i] + norm.bias.value[i]);
        // Constant statistics take nothing, also where x is infinite.
        const Sum part_taken = params.of_batch ? mean_taken.value[i] + centred * spread_taken.value[i] : 0;
        narrow(norm.scale.value[i] * (g - part_taken), &out.value[i]);
      }
      store_pack(output + row * params.channels, out);
    });
  });
}

template <class Scalar>
__global__ void __launch_bounds__(kBlockThreads)
    find_statistics(BatchStatisticsParams params, PartSums<Accumulator<Scalar>> sums) {
  using Sum = Accumulator<Scalar>;
  const PartWalk parts(sums.count, params.channels);
  const Scalar* const x = static_cast<const Scalar*>(params.features) + parts.column;
  const double num_rows = static_cast<double>(params.num_rows);
  const auto first = [&](int64_t part) {
    return static_cast<double>(widen(x[part * sums.part_rows * params.channels]));
  };
  const auto rows = [&](int64_t part) {
    const int64_t rest = params.num_rows - part * sums.part_rows;
    return static_cast<double>(rest < sums.part_rows ? rest : sums.part_rows);
  };
  const auto sum = [&](int64_t part, int which) { return static_cast<double>(sums.at(part, which, parts.column)); };
  const double mean = parts.add([&](int64_t part) { return rows(part) * first(part) + sum(part, 0); }) / num_rows;
  double spread = parts.add([&](int64_t part) {
    const double shift = first(part) - mean;
    return sum(part, 1) + shift * (2 * sum(part, 0) + rows(part) * shift);
  });
  if (!parts.writes()) return;
  spread = spread < 0 ? 0 : spread;  // as rounding can make it; NaN stays
  const auto move = [&](void* running, double value) {
    Sum& moved = static_cast<Sum*>(running)[parts.column];
    moved = static_cast<Sum>(moved + params.momentum * (value - moved));
  };
  static_cast<Sum*>(params.mean)[parts.column] = static_cast<Sum>(mean);
  static_cast<Sum*>(params.variance)[parts.column] = static_cast<Sum>(spread / num_rows);
  move(params.running_mean, mean);
  move(params.running_variance, spread / (num_rows - 1));
  if (parts.column == 0) ++*params.num_batches;
}

template <class Sum>
__global__ void __launch_bounds__(kBlockThreads)
    find_gradients(BatchNormGradParams params, PartSums<Sum> sums, Sum* taken) {
  const PartWalk parts(sums.count, params.channels);
  const double grad_sum = parts.total(sums, 0), product_sum = parts.total(sums, 1);
  if (!parts.writes()) return;
  const double variance = static_cast<const Sum*>(params.norm.variance)[parts.column] + params.norm.eps;
  static_cast<Sum*>(params.grad_bias)[parts.column] = static_cast<Sum>(grad_sum);
  static_cast<Sum*>(params.grad_weight)[parts.column] = static_cast<Sum>(product_sum / std::sqrt(variance));
  const double num_rows = static_cast<double>(params.num_rows);
  taken[parts.column] = static_cast<Sum>(params.of_batch ? grad_sum / num_rows : 0);
  taken[params.channels + parts.column] = static_cast<Sum>(params.of_batch ? product_sum / num_rows / variance : 0);
}

/// Rows of a block of a pass that sums nothing.
int64_t rows_of_block(const WalkShape& shape, int64_t num_rows) {
  const int64_t steps = ceil_div(num_rows * shape.slabs, kBlocks * shape.height());
  return std::clamp<int64_t>(steps, 1, kMostSteps) * shape.height();
}

/// The arrays of a backward pass in its workspace.
template <class Sum>
struct GradArrays {
  PartSums<Sum> sums;
  Sum* taken;  // [2][C]
  int64_t bytes;

  explicit GradArrays(const BatchNormGradParams& params) : sums(params.num_rows, params.channels, nullptr) {
    Workspace workspace(params.workspace);
    sums.sums = workspace.take<Sum>(sums.size());
    taken = workspace.take<Sum>(2 * params.channels);
    bytes = workspace.bytes();
  }
};

}  // namespace

int64_t batch_statistics_workspace_bytes(const BatchStatisticsParams& params) {
  const int64_t size = PartSums<float>(params.num_rows, params.channels, nullptr).size();
  return size * (params.dtype == DType::float64 ? 8 : 4);
}

Status batch_statistics(const BatchStatisticsParams& params, void* stream) {
  with_packs(params.dtype, params.channels, {params.features}, [&](auto tag, auto pack) {
    using Scalar = typename decltype(tag)::type;
    using Sum = Accumulator<Scalar>;
    constexpr int kPack = decltype(pack)::value;
    const PartSums<Sum> sums(params.num_rows, params.channels, static_cast<Sum*>(params.workspace));
    const WalkShape shape(params.channels, kPack);
    shape.launch(sum_rows<Scalar, kPack>, sums.count, stream, params, sums);
    PartWalk::launch(find_statistics<Scalar>, params.channels, stream, params, sums);
  });
  return last_status();
}

Status batch_norm(const BatchNormParams& params, void* stream) {
  const auto [mean, variance, weight, bias, eps, activation] = params.norm;
  const auto arrays = {params.features, static_cast<const void*>(params.output), mean, variance, weight, bias};
  with_packs(params.dtype, params.channels, arrays, [&](auto tag, auto pack) {
    using Scalar = typename decltype(tag)::type;
    constexpr int kPack = decltype(pack)::value;
    const WalkShape shape(params.channels, kPack);
    const int64_t rows = rows_of_block(shape, params.num_rows);
    shape.launch(normalise_rows<Scalar, kPack>, ceil_div(params.num_rows, rows), stream, params, rows);
  });
  return last_status();
}

int64_t batch_norm_grad_workspace_bytes(const BatchNormGradParams& params) {
  BatchNormGradParams counted = params;
  counted.workspace = nullptr;
  return params.dtype == DType::float64 ? GradArrays<double>(counted).bytes : GradArrays<float>(counted).bytes;
}

Status batch_norm_grad(const BatchNormGradParams& params, void* stream) {
  const auto [mean, variance, weight, bias, eps, activation] = params.norm;
  const void* const written = params.grad_features;
  const auto arrays = {params.features, params.grad, written, mean, variance, weight, bias};
  with_packs(params.dtype, params.channels, arrays, [&](auto tag, auto pack) {
    using Scalar = typename decltype(tag)::type;
    using Sum = Accumulator<Scalar>;
    constexpr int kPack = decltype(pack)::value;
    const GradArrays<Sum> arrays(params);
    const WalkShape shape(params.channels, kPack);
    shape.launch(sum_gradients<Scalar, kPack>, arrays.sums.count, stream, params, arrays.sums);
    PartWalk::launch(find_gradients<Sum>, params.channels, stream, params, arrays.sums, arrays.taken);
    const int64_t rows = rows_of_block(shape, params.num_rows);
    shape.launch(differentiate_rows<Scalar, kPack>, ceil_div(params.num_rows, rows), stream, params, arrays.taken,
                 rows);
  });
  return last_status();
}

}  // namespace completion::cuda
