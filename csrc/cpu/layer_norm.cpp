// layer_norm and layer_norm_grad on the CPU. Gradients of weight and bias are summed by parts of the rows
// (part_sums.h).
#include "completion/layer_norm.h"

#include <cmath>

#include "instruction_set.h"
#include "part_sums.h"

namespace completion::cpu {
namespace {

constexpr int kSums = 16;

template <class T>
struct Loops {
  void (*normalise_rows)(const T*, const T*, const T*, T, int64_t, int64_t, T*);
  void (*differentiate_rows)(const T*, const T*, const T*, T, int64_t, int64_t, T*, T*, T*);
};

namespace generic {
#include "layer_norm.inc"
}  // namespace generic

#ifdef COMPLETION_X86_SETS
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#include "layer_norm.inc"
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma")
namespace avx512 {
#include "layer_norm.inc"
}  // namespace avx512
#pragma GCC pop_options
#endif

template <class T>
Loops<T> loops_of() {
#ifdef COMPLETION_X86_SETS
  if (instruction_set() == InstructionSet::avx512) return avx512::loops_of<T>();
  if (instruction_set() == InstructionSet::avx2) return avx2::loops_of<T>();
#endif
  return generic::loops_of<T>();
}

template <class T>
void normalise(const LayerNormParams& params, ParallelFor parallel_for) {
  const Loops<T> loops = loops_of<T>();
  const Parts parts(params.num_rows, params.channels);
  parts.run(parallel_for, [&](int64_t, int64_t start, int64_t rows, int64_t channels) {
    loops.normalise_rows(static_cast<const T*>(params.features) + start, static_cast<const T*>(params.weight),
                         static_cast<const T*>(params.bias), static_cast<T>(params.eps), rows, channels,
                         static_cast<T*>(params.output) + start);
  });
}

template <class T>
void differentiate(const LayerNormGradParams& params, ParallelFor parallel_for) {
  const Loops<T> loops = loops_of<T>();
  const Parts parts(params.num_rows, params.channels);
  const PartSums<T> sums(parts, params.workspace);
  sums.clear();
  parts.run(parallel_for, [&](int64_t part, int64_t start, int64_t rows, int64_t channels) {
    loops.differentiate_rows(static_cast<const T*>(params.features) + start, static_cast<const T*>(params.grad) + start,
                             static_cast<const T*>(params.weight), static_cast<T>(params.eps), rows, channels,
                             static_cast<T*>(params.grad_features) + start, sums.first(part), sums.second(part));
  });
  const auto [total, product] = sums.totals(parallel_for);
  for (int64_t c = 0; c < params.channels; ++c) {
    static_cast<T*>(params.grad_bias)[c] = static_cast<T>(total[c]);
    static_cast<T*>(params.grad_weight)[c] = static_cast<T>(product[c]);
  }
}

}  // namespace

void layer_norm(const LayerNormParams& params, ParallelFor parallel_for) {
  params.dtype == DType::float64 ? normalise<double>(params, parallel_for) : normalise<float>(params, parallel_for);
}

int64_t layer_norm_grad_workspace_bytes(const LayerNormGradParams& params) {
  return part_sums_bytes({params.num_rows, params.channels}, params.dtype);
}

void layer_norm_grad(const LayerNormGradParams& params, ParallelFor parallel_for) {
  params.dtype == DType::float64 ? differentiate<double>(params, parallel_for)
                                 : differentiate<float>(params, parallel_for);
}

}  // namespace completion::cpu
