// layer_norm and layer_norm_grad: passes over the rows, whose numbers come from the first-level cache where they are
// read again. The gradients of weight and bias are sums down the columns (column_sums.cuh).
#include <cmath>

#include "column_sums.cuh"
#include "completion/layer_norm.h"
#include "launch.cuh"
#include "pack.cuh"
#include "scalar.cuh"

namespace completion::cuda {

namespace {

/// The lanes of a warp that share a row, a power of two; they take its packs in turns.
template <class Sum, int kPack>
struct RowLanes {
  int64_t row, channels;
  bool inside;

  template <class... Parameters, class Params, class... Arguments>
  static void launch(void (*kernel)(Parameters...), void* stream, const Params& params, Arguments... arguments) {
    launch_rows(kernel, params.num_rows, ceil_div(params.channels, kPack), stream, params, arguments...);
  }

  __device__ __forceinline__ RowLanes(int64_t num_rows, int64_t channels_)
      : row(static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y), channels(channels_), inside(row < num_rows) {}

  /// Calls work(column) for the first column of each pack of this lane.
  template <class Work>
  __device__ __forceinline__ void each_pack(const Work& work) const {
    if (!inside) return;
    const int64_t step = static_cast<int64_t>(blockDim.x) * kPack;
    for (int64_t column = static_cast<int64_t>(threadIdx.x) * kPack; column < channels; column += step) work(column);
  }

  /// Means over the columns of what add(column, sums) adds for each pack; every lane of the warp must ask for them.
  template <int kSums, class Add>
  __device__ __forceinline__ void means(Sum (&sums)[kSums], const Add& add) const {
#pragma unroll
    for (Sum& sum : sums) sum = 0;
    each_pack([&](int64_t column) { add(column, sums); });
#pragma unroll
    for (Sum& sum : sums) {
      for (unsigned reach = 1; reach < blockDim.x; reach *= 2) {
        sum += __shfl_xor_sync(kFullWarp, sum, static_cast<int>(reach));
      }
      sum /= static_cast<Sum>(channels);
    }
  }
};

/// Numbers of a row before weight and bias.
template <class Scalar, int kPack>
struct NormalRow {
  using Sum = Accumulator<Scalar>;
  const Scalar* x;
  Sum mean, inverse;  // 1 / √(variance + eps)

  __device__ __forceinline__ NormalRow(const RowLanes<Sum, kPack>& lanes, const Scalar* x_, double eps) : x(x_) {
    Sum mean_of[1], square_of[1];
    lanes.means(mean_of, [&](int64_t column, Sum(&sums)[1]) {
      const auto values = load_pack<Scalar, kPack>(x + column);
#pragma unroll
      for (int i = 0; i < kPack; ++i) sums[0] += widen(values.value[i]);
    });
    mean = mean_of[0];
    lanes.means(square_of, [&](int64_t column, Sum(&sums)[1]) {
      const auto values = load_pack<Scalar, kPack>(x + column);
#pragma unroll
      for (int i = 0; i < kPack; ++i) {
        const Sum centred = widen(values.value[i]) - mean;
        sums[0] += centred * centred;
      }
    });
    inverse = 1 / std::sqrt(square_of[0] + static_cast<Sum>(eps));
  }

  __device__ __forceinline__ Pack<Sum, kPack> at(int64_t column) const {
    const auto values = load_pack<Scalar, kPack>(x + column);
    Pack<Sum, kPack> normal;
#pragma unroll
    for (int i = 0; i < kPack; ++i) normal.value[i] = (widen(values.value[i]) - mean) * inverse;
    return normal;
  }
};

template <class Scalar, int kPack>
__global__ void __launch_bounds__(kBlockThreads) normalise_rows(LayerNormParams params) {
  using Sum = Accumulator<Scalar>;
  const RowLanes<Sum, kPack> lanes(params.num_rows, params.channels);
  const int64_t start = lanes.row * params.channels;
  const NormalRow<Scalar, kPack> row(lanes, static_cast<const Scalar*>(params.features) + start, params.eps);
  lanes.each_pack([&](int64_t column) {
    const auto normal = row.at(column);
    const auto weight = load_columns<Sum, kPack>(params.weight, column);
    const auto bias = load_columns<Sum, kPack>(params.bias, column);
    Pack<Scalar, kPack> out;
#pragma unroll
    for (int i = 0; i < kPack; ++i) narrow(normal.value[i] * weight.value[i] + bias.value[i], &out.value[i]);
    store_pack(static_cast<Scalar*>(params.output) + start + column, out);
  });
}

/// Mean and inverse deviation of each row, [2][N], for the sums down the columns.
template <class Scalar, int kPack>
__global__ void __launch_bounds__(kBlockThreads)
    differentiate_rows(LayerNormGradParams params, Accumulator<Scalar>* statistics) {
  using Sum = Accumulator<Scalar>;
  const RowLanes<Sum, kPack> lanes(params.num_rows, params.channels);
  const int64_t start = lanes.row * params.channels;
  const NormalRow<Scalar, kPack> row(lanes, static_cast<const Scalar*>(params.features) + start, params.eps);
  const auto grad_of_normal = [&](int64_t column) {
    const auto grad = load_pack<Scalar, kPack>(static_cast<const Scalar*>(params.grad) + start + column);
    auto product = load_columns<Sum, kPack>(params.weight, column);
#pragma unroll
    for (int i = 0; i < kPack; ++i) product.value[i] *= widen(grad.value[i]);
    return product;
  };
  Sum taken[2];  // by the mean, and by the variance
  lanes.means(taken, [&](int64_t column, Sum(&sums)[2]) {
    const auto normal = row.at(column), grad = grad_of_normal(column);
#pragma unroll
    for (int i = 0; i < kPack; ++i) {
      sums[0] += grad.value[i];
      sums[1] += grad.value[i] * normal.value[i];
    }
  });
  lanes.each_pack([&](int64_t column) {
    const auto normal = row.at(column), grad = grad_of_normal(column);
    Pack<Scalar, kPack> out;
#pragma unroll
    for (int i = 0; i < kPack; ++i) {
      narrow(row.inverse * (grad.value[i] - taken[0] - normal.value[i] * taken[1]), &out.value[i]);
    }
    store_pack(static_cast<Scalar*>(params.grad_features) + start + column, out);
  });
  if (lanes.inside && threadIdx.x == 0) {
    statistics[lanes.row] = row.mean;
    statistics[params.num_rows + lanes.row] = row.inverse;
  }
}

/// Of the gradient: its sums and those of its products with the rows before weight and bias.
template <class Scalar, int kPack>
__global__ void __launch_bounds__(kBlockThreads)
    sum_columns(LayerNormGradParams params, const Accumulator<Scalar>* statistics, PartSums<Accumulator<Scalar>> sums) {
  using Sum = Accumulator<Scalar>;
  const Walk walk(sums.part_rows, params.num_rows, kPack);
  Sum pack_sums[2][kPack] = {};
  if (walk.column < params.channels) {
    const ReadRows<Scalar, kPack> read(params.features, params.grad, walk.column, params.channels);
    walk.each_row<2>(read, [&](int64_t row, const auto& both) {
      const Sum mean = statistics[row], inverse = statistics[params.num_rows + row];
#pragma unroll
      for (int i = 0; i < kPack; ++i) {
        const Sum g = widen(both.grad.value[i]);
        pack_sums[0][i] += g;
        pack_sums[1][i] += g * ((widen(both.x.value[i]) - mean) * inverse);
      }
    });
  }
  sums.write(pack_sums);
}

template <class Sum>
__global__ void __launch_bounds__(kBlockThreads) find_gradients(LayerNormGradParams params, PartSums<Sum> sums) {
  const PartWalk parts(sums.count, params.channels);
  const double grad_sum = parts.total(sums, 0), product_sum = parts.total(sums, 1);
  if (!parts.writes()) return;
  static_cast<Sum*>(params.grad_bias)[parts.column] = static_cast<Sum>(grad_sum);
  static_cast<Sum*>(params.grad_weight)[parts.column] = static_cast<Sum>(product_sum);
}

/// The arrays of a backward pass in its workspace.
template <class Sum>
struct GradArrays {
  PartSums<Sum> sums;
  Sum* statistics;  // [2][N]
  int64_t bytes;

  explicit GradArrays(const LayerNormGradParams& params) : sums(params.num_rows, params.channels, nullptr) {
    Workspace workspace(params.workspace);
    sums.sums = workspace.take<Sum>(sums.size());
    statistics = workspace.take<Sum>(2 * params.num_rows);
    bytes = workspace.bytes();
  }
};

}  // namespace

Status layer_norm(const LayerNormParams& params, void* stream) {
  const auto arrays = {params.features, params.weight, params.bias, static_cast<const void*>(params.output)};
  with_packs(params.dtype, params.channels, arrays, [&](auto tag, auto pack) {
    using Scalar = typename decltype(tag)::type;
    constexpr int kPack = decltype(pack)::value;
    RowLanes<Accumulator<Scalar>, kPack>::launch(normalise_rows<Scalar, kPack>, stream, params);
  });
  return last_status();
}

int64_t layer_norm_grad_workspace_bytes(const LayerNormGradParams& params) {
  LayerNormGradParams counted = params;
  counted.workspace = nullptr;
  return params.dtype == DType::float64 ? GradArrays<double>(counted).bytes : GradArrays<float>(counted).bytes;
}

Status layer_norm_grad(const LayerNormGradParams& params, void* stream) {
  const auto matrices = {params.features, params.grad, params.weight, static_cast<const void*>(params.grad_features)};
  with_packs(params.dtype, params.channels, matrices, [&](auto tag, auto pack) {
    using Scalar = typename decltype(tag)::type;
    using Sum = Accumulator<Scalar>;
    constexpr int kPack = decltype(pack)::value;
    const GradArrays<Sum> arrays(params);
    RowLanes<Sum, kPack>::launch(differentiate_rows<Scalar, kPack>, stream, params, arrays.statistics);
    const WalkShape shape(params.channels, kPack);
    shape.launch(sum_columns<Scalar, kPack>, arrays.sums.count, stream, params, arrays.statistics, arrays.sums);
    PartWalk::launch(find_gradients<Sum>, params.channels, stream, params, arrays.sums);
  });
  return last_status();
}

}  // namespace completion::cuda
